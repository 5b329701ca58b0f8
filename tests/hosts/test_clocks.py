"""Two nodes whose clocks are two minutes apart answer the same people."""

import base64
import json
import time

import pytest

from tests.hosts.nodes import Nodes, readiness

pytestmark = pytest.mark.processes


def claims_of(id_token: str) -> dict:
    body = id_token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def test_sign_ins_by_two_nodes_with_clocks_two_minutes_apart(open_site):
    """With the nodes' own clocks a code of one is expired, or not yet valid, at the other."""
    site = open_site("postgresql", is_open=False)
    nodes = Nodes(site, [-60, 60])
    site.start_worker()
    try:
        began = time.time()
        visits = [site.visitors.sign_in("ada", ["red", "green"]) for _ in range(6)]
        ended = time.time()
        offsets = [readiness(port)["checks"]["clock"]["offset_seconds"] for port in nodes.ports]
        for visit in visits:
            site.visitors.sign_out(visit)
            site.visitors.probe(visit)
        site.wait_until_settled()
    finally:
        nodes.close()

    assert offsets == [pytest.approx(60, abs=5), pytest.approx(-60, abs=5)]
    for visit in visits:
        for client_session in visit.client_sessions.values():
            assert began - 30 < claims_of(client_session.id_token)["iat"] < ended + 30
    assert all(program.events("clock_differs") for program in nodes.programs)
    assert site.findings() == []

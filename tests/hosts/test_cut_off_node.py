"""A node whose cable is pulled: it says that it is not ready, makes no request wait, and revives nothing."""

import json
import subprocess
import sys

import pytest

from tests.faults.programs import Program
from tests.faults.proxy import Wire
from tests.hosts.networks import Network, why_not
from tests.hosts.nodes import free_port
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.long,
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]
# Asks at an address and prints the status, the JSON and the seconds.
ASK = """
import json, sys, time, urllib.request, urllib.error
asked, began = urllib.request.Request(sys.argv[1], headers=json.loads(sys.argv[2])), time.monotonic()
try:
    response = urllib.request.urlopen(asked, timeout=60)
except urllib.error.HTTPError as exc:
    response = exc
body = response.read().decode()
print(json.dumps([response.status, body, time.monotonic() - began]))
"""


@pytest.fixture
def far_node():
    """The programs in the other network, once the test has started them."""
    programs: list[Program] = []
    yield programs
    for program in programs:
        program.kill()


@pytest.fixture
def network():
    network = Network()
    yield network
    network.remove()


def test_a_pulled_cable(open_site, network, far_node):
    site = open_site("postgresql")
    to_database = Wire(("127.0.0.1", site.database.server.port), host=network.here)
    site.wires.append(to_database)
    port = free_port()
    url = site.database.url_at(to_database.port).replace("127.0.0.1", network.here)
    node = site._start(
        "far-node",
        ["serve", "--port", str(port)],
        {"database_url": url, "data_dir": str(site.folder / "far")},
        [*network.inside, sys.executable, "-c", "from provider.command import main; main()"],
    )

    far_node.append(node)

    def ask(path: str, **headers: str) -> tuple[int, str, float]:
        command = [
            *network.inside,
            sys.executable,
            "-c",
            ASK,
            f"http://127.0.0.1:{port}{path}",
            json.dumps(headers),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return tuple(json.loads(done.stdout)) if done.returncode == 0 else (0, done.stderr, 0.0)

    wait_until(lambda: ask("/health/ready")[0] == 200)
    visit = site.visitors.sign_in("ada", ["red", "green"])
    token = {"Authorization": f"Bearer {visit.client_sessions['red'].access_token}"}
    assert ask("/userinfo", **token)[0] == 200

    network.pull()
    # What was found within the last second is the response for all who ask.
    response = wait_until(lambda: (found := ask("/health/ready"))[0] != 200 and found, seconds=5)
    status, body, seconds = response
    assert (status, json.loads(body)["status"]) == (503, "unavailable")
    assert seconds < 4
    status, _, seconds = ask("/health/live")
    assert status == 200
    assert seconds < 1
    status, body, seconds = ask("/userinfo", **token)
    assert (status, json.loads(body)["error"]) == (503, "temporarily_unavailable")
    assert seconds < 8
    # The others go on, and no row is kept from them.
    site.visitors.sign_out(visit)
    site.wait_until_settled()

    network.plug()
    wait_until(lambda: ask("/health/ready")[0] == 200)
    assert ask("/userinfo", **token)[0] == 401
    site.visitors.probe(visit)
    assert site.findings() == []

"""Requests that wait for an event, against a real server: others are served, and a stop waits for none."""

import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from demo.processes import own_environment
from tests.server.conftest import Served, served
from tests.support.waiting import PATIENCE, wait_until
from tests.support.warm_programs import WarmPrograms

pytestmark = pytest.mark.processes

# A quarter of them may hold requests.
THREADS, SLOTS = 8, 2
WAIT_SECONDS = 8


def register(here: Served, warm: WarmPrograms) -> dict[str, str]:
    """Register a service that may read; returns the header with its token."""
    environ = own_environment(CURFEW_DATA_DIR=str(here.log.parent / "data"), CURFEW_ISSUER=here.url)
    about = ["--grant-type", "client_credentials", "--scope", "curfew:admin:read", "--json"]
    code, made, errors = warm.run(["client", "add", "--client-id", "robot", *about], environ)
    assert code == 0, errors
    proof = ("robot", json.loads(made)["client_secret"])
    granted = requests.post(
        f"{here.url}/token", {"grant_type": "client_credentials"}, auth=proof, timeout=PATIENCE
    )
    return {"Authorization": f"Bearer {granted.json()['access_token']}"}


def follow(here: Served, token: dict[str, str], seconds: int) -> tuple[requests.Response, float]:
    """Follow the feed; returns the response and how long it took."""
    began = time.monotonic()
    response = requests.get(
        f"{here.url}/api/admin/v1/feed", {"wait": seconds}, headers=token, timeout=PATIENCE
    )
    return response, time.monotonic() - began


def test_many_that_wait_take_no_thread_that_others_need(tmp_path, prepared_data, warm_programs):
    with served(tmp_path, "--threads", str(THREADS), prepared=prepared_data, warm=warm_programs) as here:
        token = register(here, warm_programs)
        with ThreadPoolExecutor(5 * THREADS) as pool:
            waiting = [pool.submit(follow, here, token, WAIT_SECONDS) for _ in range(5 * THREADS)]
            ready = here.get("/health/ready")
            overview = here.get("/api/admin/v1/overview", headers=token)
            are_held = [one for one in waiting if not one.done()]
            outcomes = [one.result() for one in waiting]

    assert (ready.status_code, overview.status_code) == (200, 200)
    assert are_held
    assert {response.status_code for response, _ in outcomes} == {200}
    waited = [took for response, took in outcomes if "Retry-After" not in response.headers]
    assert len(waited) >= SLOTS
    assert min(waited) >= WAIT_SECONDS
    # A slot was taken again at most once within the time that these requests took.
    assert len(outcomes) - len(waited) >= len(outcomes) // 2


@pytest.mark.parametrize("processes", [1, 2])
def test_a_stop_answers_them_at_once(tmp_path, prepared_data, warm_programs, processes):
    with served(
        tmp_path, "--threads", "4", "--workers", str(processes), prepared=prepared_data, warm=warm_programs
    ) as here:
        token = register(here, warm_programs)
        held: list[tuple[requests.Response, float]] = []
        asking = [threading.Thread(target=lambda: held.append(follow(here, token, 25))) for _ in range(4)]
        for one in asking:
            one.start()
        # Each process has one slot, so that at least one of the others is held.
        wait_until(lambda: len(held) >= 4 - processes)
        here.process.send_signal(signal.SIGTERM)
        here.process.wait(PATIENCE)
        for one in asking:
            one.join(30)

    assert here.process.returncode == 0
    assert [response.status_code for response, _ in held] == [200] * 4
    assert max(took for _, took in held) < 20

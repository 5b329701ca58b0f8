"""`curfew serve --with-worker`: one process tree that serves and delivers, without a broker."""

import os
import signal
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.conftest import FAST_SETTINGS
from tests.delivery.receivers import Receiver, receiving
from tests.factories import make_account, make_client, make_session
from tests.server.conftest import Served, served
from tests.support.browsers import id_token_of
from tests.support.processes import descendants, is_alive
from tests.support.reads import end_read
from tests.support.waiting import PATIENCE, wait_until
from tests.support.warm_programs import WarmPrograms

pytestmark = pytest.mark.processes
SIGNED_OUT = "https://red.test/signed-out"


@contextmanager
def serving_with_worker(folder: Path, warm: WarmPrograms, **settings: str):
    settings |= {
        "CURFEW_SECRET_KEY": FAST_SETTINGS["secret_key"],
        "CURFEW_OUTBOUND_ALLOW": "127.0.0.0/8",
        # Nothing is found by sweeping within a test: what is delivered, a wake-up has delivered.
        "CURFEW_SWEEP_INTERVAL": "1h",
        "CURFEW_NOTIFY_BUDGET": "2s",
    }
    with served(folder, "--with-worker", warm=warm, **settings) as here:
        wait_until(lambda: "worker_started" in here.log.read_text())
        yield here


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def sign_out(app, receiver: Receiver) -> Callable[[Served], requests.Response]:
    """Signs Ada in at red, and has red send her browser to the end of that session."""
    ada, red = make_account("ada"), make_client("red", backchannel_logout_uri=receiver.url)

    def act(here: Served) -> requests.Response:
        made = make_session(ada, [red])
        hint = id_token_of(red, made.grants["red"], iss=here.url)
        end_read()
        asked = {"id_token_hint": hint, "post_logout_redirect_uri": SIGNED_OUT}
        cookies = {"curfew_session": made.handle}
        return here.get("/session/end", params=asked, cookies=cookies, allow_redirects=False)

    return act


def worker_of(here: Served) -> int | None:
    family = descendants(here.process.pid)
    workers = [pid for pid in family if b"--woken-by" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return workers[0] if workers else None


# Such installations have no server for their database, and the wake-up does not depend on its kind.
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_sign_out_is_notified_at_once_and_a_dead_worker_is_started_again(
    tmp_path, warm_programs, database_url, sign_out, receiver
):
    with serving_with_worker(tmp_path, warm_programs, CURFEW_DATABASE_URL=database_url) as here:
        first = sign_out(here)
        os.kill(worker_of(here), signal.SIGKILL)
        wait_until(lambda: here.log.read_text().count("worker_started") == 2)
        second = sign_out(here)
        family = descendants(here.process.pid)
        here.process.send_signal(signal.SIGTERM)
        exit_code = here.process.wait(PATIENCE)

    # Within the notify budget, so that the browser is sent back at once.
    assert [response.headers.get("Location") for response in (first, second)] == [SIGNED_OUT] * 2
    assert len(receiver.received) == 2
    assert exit_code == 0
    assert not any(map(is_alive, family))
    assert '"event": "worker_ended", "exit_code": -9' in here.log.read_text()


def test_nothing_of_the_tree_outlives_a_kill(tmp_path, warm_programs):
    with serving_with_worker(tmp_path, warm_programs) as here:
        family = descendants(here.process.pid)
        assert worker_of(here) in family
        here.process.kill()

        wait_until(lambda: not any(map(is_alive, family)))

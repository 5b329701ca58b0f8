"""The example on the page about the admin API, run against a served provider."""

import os
import re
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from provider.administration import sessions
from provider.infrastructure.database import transaction
from provider.sessions.queries import find_live
from tests.architecture.sources import ROOT
from tests.factories import make_client, make_session, secret_of
from tests.support.reads import end_read
from tests.support.serving import serving
from tests.support.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
def settings(settings, port):
    return replace(settings, issuer=f"http://localhost:{port}")


def examples() -> list[str]:
    """The part that follows the feed, and the whole program."""
    page = (ROOT / "docs" / "operate" / "admin-api.md").read_text()
    return re.findall(r"```python\n(.*?)```", page, re.DOTALL)


def test_the_example_ends_the_sessions_that_it_is_about(app, port, ada, as_service):
    shop = make_client("shop")
    from_there, elsewhere = make_session(ada, [shop]), make_session(ada)
    as_service("curfew:admin:read curfew:sessions:end")
    given = {"ISSUER": f"http://localhost:{port}", "ROBOT_SECRET": secret_of("robot"), "ADDRESS": "192.0.2.1"}
    end_read()

    with serving(app, port):
        finished = subprocess.run(
            [sys.executable, "-c", examples()[1]],
            env=os.environ | given,
            capture_output=True,
            check=False,
            text=True,
            timeout=PATIENCE,
        )

    assert (finished.returncode, finished.stdout) == (0, "1 sessions ended\n"), finished.stderr
    assert find_live(from_there.handle) is None
    assert find_live(elsewhere.handle) is not None


def test_the_feed_is_followed(app, port, ada, as_service, turned_clock, statements):
    made = make_session(ada)
    as_service("curfew:admin:read")
    given = {"ISSUER": f"http://localhost:{port}", "ROBOT_SECRET": secret_of("robot")}
    following, program = examples()
    beginning = program.partition("\n\n\ndef everything")[0]
    show = "for event in follow():\n    print(event['event'])\n    break"
    end_read()

    with serving(app, port), statements() as seen:
        reader = subprocess.Popen(
            [sys.executable, "-c", f"import time\n{beginning}\n{following}\n{show}"],
            env=os.environ | given,
            stdout=subprocess.PIPE,
            text=True,
        )
        # It waits: its request looks again and again.
        wait_until(lambda: sum("audit_event" in one for one in seen) > 3)
        with transaction():
            sessions.end(made.session.id)
        turned_clock.turn(timedelta(seconds=11))
        shown, _ = reader.communicate(timeout=PATIENCE)

    assert (reader.returncode, shown) == (0, "logout\n")

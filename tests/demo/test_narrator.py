import io
import json
from datetime import datetime

import pytest
from rich.console import Console

from demo.narrator import Narrator
from provider.logout.models import LogoutReason, LogoutScope

AT = "2026-11-20T12:03:01.000+00:00"
ADA_ID = "0190b0a0-0000-7000-8000-000000000001"


def heard(*lines: str) -> str:
    output = io.StringIO()
    narrator = Narrator(Console(file=output, width=200), {ADA_ID: "Ada"})
    for line in lines:
        narrator.hear("worker", line)
    return output.getvalue()


def line(event: str, **fields) -> str:
    return json.dumps({"at": AT, "level": "info", "event": event, **fields})


def logout_event(**fields) -> str:
    said = {"scope": "browser", "reason": "rp_initiated", "sessions_ended": 1, "apps_to_notify": 3} | fields
    return line("logout", account_id=ADA_ID, **said)


@pytest.mark.parametrize(
    ("said", "rendered"),
    [
        pytest.param(
            line("rp_signed_in", rp="red", name="Ada Lovelace"),
            "Ada Lovelace signed in at red",
            id="a sign-in names the person and the app",
        ),
        pytest.param(
            line("sign_in_refused", client_id="red", reason="wrong"),
            "a sign-in for red: user name or password was incorrect",
            id="a refusal does not say which of both",
        ),
        pytest.param(
            logout_event(initiator="client"),
            "Ada, this browser (asked by the app): 1 session ended, 3 apps to notify",
            id="a logout says whose, how wide and why",
        ),
        pytest.param(
            logout_event(initiator="account"),
            "Ada, this browser (asked by the app, confirmed by the person): 1 session ended",
            id="what the person confirmed on our page is no act of the app alone",
        ),
        pytest.param(
            logout_event(initiator="account", reason="user", scope="everywhere"),
            "Ada, everywhere (asked by the person): 1 session ended",
            id="what the person chose instead is theirs",
        ),
        pytest.param(
            line(
                "delivery_attempted",
                client_id="blue",
                attempt=2,
                outcome="ok",
                state="accepted",
                status=200,
                latency_ms=12,
            ),
            "blue was notified (HTTP 200, 12 ms)",
            id="a delivery that was accepted",
        ),
        pytest.param(
            line(
                "delivery_attempted",
                client_id="blue",
                attempt=1,
                outcome="timeout",
                state="pending",
                next_attempt_at=datetime(2026, 11, 20, 12, 3, 3).astimezone().isoformat(),
            ),
            "blue, attempt 1: timeout; again at 12:03:03",
            id="a delivery that will be tried again",
        ),
        pytest.param(
            line("delivery_attempted", client_id="blue", attempt=12, status=404, state="expired"),
            "blue, attempt 12: HTTP 404; expired",
            id="a delivery that has expired",
        ),
        pytest.param(
            line("something_odd", level="error", exception="Traceback …\nOSError: disk full"),
            "worker: something_odd OSError: disk full",
            id="an error is shown, with its last line",
        ),
    ],
)
def test_an_event_is_one_readable_line(said, rendered):
    assert rendered in heard(said)
    assert heard(said).count("\n") == 1


@pytest.mark.parametrize("reason", LogoutReason)
@pytest.mark.parametrize("scope", LogoutScope)
def test_every_ending_is_said_in_words(reason, scope):
    said = heard(logout_event(reason=reason, scope=scope))

    assert "_" not in said
    assert "others" not in said


@pytest.mark.parametrize(
    "said",
    [
        pytest.param("[INFO] Listening at: http://127.0.0.1", id="a line that is no JSON"),
        pytest.param('["a", "list"]', id="JSON that is no object"),
        pytest.param('{"level": "error"}', id="an object without an event"),
        pytest.param(line("worker_started"), id="an event that people need not know"),
    ],
)
def test_what_is_no_event_for_people_is_skipped(said):
    assert heard(said) == ""

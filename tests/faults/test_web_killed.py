"""The web process dies at any point of a sign-out: all of it has happened, or none (FLT-01 to FLT-04)."""

import signal
import threading
import time
from collections.abc import Callable

import pytest
import requests

from tests.faults.conftest import Broker
from tests.faults.manners import patient
from tests.faults.proxy import Wire
from tests.faults.site import Site
from tests.faults.visitors import Refused
from tests.support.waiting import wait_until

pytestmark = pytest.mark.processes
OpenSite = Callable[..., Site]
DATABASES = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
LONG = pytest.mark.long
MOST_STATEMENTS = 80


def ask_in_background(site: Site, visit) -> threading.Thread:
    """Press the button in a thread; whether a response comes is not its business."""

    def ask() -> None:
        with pytest.raises((requests.RequestException, Refused)):
            site.visitors.sign_out(visit)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    return thread


def has_ended(site: Site, visit) -> bool:
    sid = next(iter(visit.client_sessions.values())).sid
    [client_session] = site.database.rows(f"SELECT ended_at FROM client_session WHERE sid = '{sid}'")
    return client_session["ended_at"] is not None


@LONG
@DATABASES
def test_killed_between_the_commit_and_the_wake_up(open_site: OpenSite, broker: Broker, kind: str) -> None:
    site = open_site(kind, is_open=False)
    wire = site.wire_to(broker.port)
    site.settings["broker_url"] = f"redis://127.0.0.1:{wire.port}/0"
    site.open(workers=0)
    visit = site.visitors.sign_in("ada", ["red", "green", "violet"])

    # The broker swallows the message, so that the process stands between commit and wake-up.
    wire.poison(hole=True)
    asking = ask_in_background(site, visit)
    wait_until(lambda: has_ended(site, visit))
    site.web.kill()
    asking.join()
    wire.heal()

    # Without any request, a worker that starts now finds the rows by itself.
    site.start_worker()
    site.wait_until_settled()
    site.start_web()
    site.visitors.probe(visit)
    assert site.findings() == []
    assert site.states() == {"accepted": 3}


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=LONG)])
def test_killed_after_the_commit_before_the_response(open_site: OpenSite, broker: Broker, kind: str) -> None:
    # Red's late response must be in time however long the kill takes, or red is called a second time.
    site = open_site(kind, notify_budget="2s", outbound_deadline="20s", delivery_lease="25s")
    visit = site.visitors.sign_in("ada", ["red", "green"])
    site.rps["red"].manner = patient

    asking = ask_in_background(site, visit)
    wait_until(lambda: site.history.receipts_of("red"))
    site.web.kill()
    asking.join()
    assert visit.end_answered_at is None

    site.rps["red"].released.set()
    site.start_web()
    # The person presses the button again and gets the response of a success.
    assert site.visitors.sign_out(visit).status_code == 303
    site.wait_until_settled()
    site.visitors.probe(visit)
    assert site.findings() == []
    assert site.states() == {"accepted": 2}


class Counted:
    """Lets so many statements of the web process through and then acts once."""

    def __init__(self, count: int, act: Callable[[], bool]) -> None:
        self.left = count
        self.is_reached = False
        self._act = act
        self._lock = threading.Lock()

    def __call__(self, _frame: bytes) -> bool:
        with self._lock:
            if self.is_reached:
                return True
            self.left -= 1
            if self.left >= 0:
                return True
            self.is_reached = True
        return self._act()


def sign_out_stopped_at(site: Site, wire: Wire, number: int, act: Callable[[], bool]):
    """Sign out while something happens before a statement; returns the visit and whether that was reached."""
    visit = site.visitors.sign_in("ada", ["red", "violet"])
    gate = wire.gate = Counted(number, act)
    try:
        site.visitors.sign_out(visit)
    except (requests.RequestException, Refused):
        visit.end_answered_at = None
    wire.gate = None
    return visit, gate.is_reached


@pytest.mark.parametrize(
    "is_passed_on", [pytest.param(False, id="before", marks=LONG), pytest.param(True, id="after")]
)
def test_the_database_is_lost_at_every_statement(open_site: OpenSite, is_passed_on: bool) -> None:
    """Each statement of a sign-out is lost, or only its response; then the button is pressed again."""
    site = open_site("postgresql", is_open=False)
    wire = site.wire_to_database()
    site.open(workers=0)

    def cut() -> bool:
        if is_passed_on:
            # The server does it, and the caller gets no response.
            wire.poison(mute=True)
        return is_passed_on

    halves = []
    for number in range(MOST_STATEMENTS):
        visit, is_reached = sign_out_stopped_at(site, wire, number, cut)
        wire.heal()
        halves.append(has_ended(site, visit))
        site.visitors.sign_out_until_answered(visit)
        if not is_reached:
            break

    # Some were lost before the commit and some after it.
    assert set(halves) == {False, True}
    site.start_worker()
    site.wait_until_settled()
    assert site.findings() == []


@LONG
def test_killed_at_every_statement(open_site: OpenSite) -> None:
    site = open_site("postgresql", is_open=False)
    wire = site.wire_to_database()
    site.open(workers=0)

    def kill() -> bool:
        site.web.kill()
        return False

    for number in range(MOST_STATEMENTS):
        visit, is_reached = sign_out_stopped_at(site, wire, number, kill)
        if not is_reached:
            break
        site.start_web()
        site.visitors.sign_out_until_answered(visit)
        site.visitors.probe(visit)
    site.start_worker()
    site.wait_until_settled()
    assert site.findings() == []


@LONG
def test_killed_at_any_moment(open_site: OpenSite) -> None:
    """On SQLite no wire lies between the statements: the moments are chosen by the clock."""
    site = open_site("sqlite")
    for tenth in range(12):
        visit = site.visitors.sign_in("ada", ["red", "green", "violet"])
        asking = threading.Thread(target=site.visitors.sign_out_until_answered, args=(visit,), daemon=True)
        asking.start()
        # No condition to wait for: the moment is what is tried.
        time.sleep(tenth * 0.004)
        site.web.kill()
        site.start_web()
        asking.join()
        site.visitors.probe(visit)
    site.wait_until_settled()
    assert site.findings() == []


@pytest.mark.parametrize(
    "fault", [pytest.param("frozen", marks=LONG), "black hole", pytest.param("gone", marks=LONG)]
)
def test_a_broker_that_is_away_costs_no_response(open_site: OpenSite, broker: Broker, fault: str) -> None:
    site = open_site(is_open=False)
    wire = site.wire_to(broker.port)
    site.settings["broker_url"] = f"redis://127.0.0.1:{wire.port}/0"
    site.open()
    match fault:
        case "frozen":
            broker.signal(signal.SIGSTOP)
        case "black hole":
            wire.poison(hole=True)
        case "gone":
            wire.poison(refuse=True)
            wire.cut()

    visits = [site.visitors.sign_in("ada", ["red", "green"]) for _ in range(4)]
    for visit in visits:
        site.visitors.sign_out(visit)
    site.wait_until_settled()

    # One request may wait for its second; the others know that the broker is silent. A second one is
    # given to the machine, which may have delayed it.
    assert sorted(visit.end_seconds for visit in visits)[1] < 1.0
    assert max(visit.end_seconds for visit in visits) < 10
    assert site.findings() == []

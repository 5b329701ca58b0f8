"""The feed of logouts and notifications: followed by its cursor, and held open until something happens."""

from collections.abc import Callable
from contextlib import contextmanager
from datetime import timedelta
from threading import Thread
from time import monotonic

import pytest
from sqlalchemy import select, update

from provider.accounts.models import Account
from provider.admin_api import waiting
from provider.admin_api.operation import ROOT
from provider.administration import sessions
from provider.audit.models import AuditEvent
from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.infrastructure import current
from provider.infrastructure.database import change, db, transaction
from provider.infrastructure.opaque_tokens import new_id
from tests.factories import make_session
from tests.support.reads import end_read
from tests.support.waiting import PATIENCE, wait_until

SETTLED = timedelta(seconds=11)


@pytest.fixture
def made(ada, red, green):
    """Ada's session at red and, offline, at green."""
    return make_session(ada, [red, green], offline=("green",))


@pytest.fixture
def start(admin, made, turned_clock) -> str:
    """Return the cursor at the end of the feed."""
    turned_clock.turn(SETTLED)
    return admin.get("/feed")["next"]


class Held:
    """A request that is held open, in a thread of its own."""

    def __init__(self, app, admin, seen: list[str], **query) -> None:
        self._http = app.test_client(use_cookies=False)
        self._query = {"wait": 25} | query
        self._proof = {"Authorization": f"Bearer {admin.token}"}
        self._thread = Thread(target=self._ask)
        self._thread.start()
        # It has looked at the feed, and then again.
        wait_until(lambda: len([one for one in seen if "audit_event" in one]) > 3)

    def _ask(self) -> None:
        self.response = self._http.get(f"{ROOT}/feed", query_string=self._query, headers=self._proof)

    @property
    def is_open(self) -> bool:
        return self._thread.is_alive()

    def end(self):
        self._thread.join(PATIENCE)
        assert not self.is_open
        return self.response


@pytest.fixture
def held(app, admin, statements) -> Callable[..., Held]:
    @contextmanager
    def hold(**query):
        with statements() as seen:
            one = Held(app, admin, seen, **query)
            try:
                yield one
            finally:
                current.services().stopping.set()
                one.end()

    return hold


def end(made) -> None:
    with transaction():
        sessions.end(made.session.id)
    end_read()


def test_the_feed_is_followed_without_gap(admin, made, start, turned_clock):
    began = admin.get("/feed")
    assert began["items"] == []
    end(made)

    # What happened a moment ago may stand before what is not yet committed.
    assert admin.get("/feed", after=start) == began
    turned_clock.turn(SETTLED)
    read = admin.ask("GET", "/feed", query_string={"after": start})
    assert [one["event"] for one in read.json["items"]] == ["logout"]
    assert read.headers["Retry-After"] == "5"
    assert admin.get("/feed", after=read.json["next"])["items"] == []
    admin.get("/feed", 422, after=str(new_id()))


def test_many_events_are_read_in_parts_and_each_once(admin, made, start, turned_clock):
    with transaction():
        for _ in range(5):
            record(EventTag.DELIVERY_RESENT, actor="system")
    ids = db.session.scalars(select(AuditEvent.id).where(AuditEvent.tag == EventTag.DELIVERY_RESENT)).all()
    turned_clock.turn(SETTLED)

    seen, after = [], start
    for length in (2, 2, 1, 0):
        page = admin.ask("GET", "/feed", query_string={"after": after, "limit": 2})
        assert len(page.json["items"]) == length
        assert ("Retry-After" in page.headers) is (length < 2)
        seen, after = seen + [one["id"] for one in page.json["items"]], page.json["next"]
    assert sorted(seen) == sorted(map(str, ids))


def test_entries_that_are_no_events_of_the_feed_are_passed_once(admin, start, turned_clock):
    with transaction():
        record(EventTag.SIGN_IN_SUCCEEDED, actor="system")
    other = db.session.scalars(select(AuditEvent.id).where(AuditEvent.at == turned_clock())).one()
    turned_clock.turn(SETTLED)

    page = admin.get("/feed", after=start)

    assert page == {"items": [], "next": str(other)}


@pytest.mark.waits
def test_a_held_request_is_answered_when_there_is_an_event(held, made, start, turned_clock):
    with held(after=start) as one:
        end_read()
        # Between its looks it holds no connection.
        wait_until(lambda: db.engine.pool.checkedout() == 0)
        end(made)
        was_open = one.is_open
        turned_clock.turn(SETTLED)
        response = one.end()

    assert was_open
    assert [event["event"] for event in response.json["items"]] == ["logout"]
    assert "Retry-After" not in response.headers


@pytest.mark.waits
def test_one_without_a_position_waits_for_the_next_event(held, made, start, turned_clock):
    with held() as one:
        end(made)
        turned_clock.turn(SETTLED)
        response = one.end()

    assert [event["event"] for event in response.json["items"]] == ["logout"]


def test_a_response_is_not_held_where_there_are_events_already(admin, made, start, turned_clock):
    end(made)
    turned_clock.turn(SETTLED)

    began = monotonic()
    response = admin.ask("GET", "/feed", query_string={"after": start, "wait": 25})

    assert monotonic() - began < 20
    assert [event["event"] for event in response.json["items"]] == ["logout"]
    assert "Retry-After" not in response.headers


@pytest.mark.waits
def test_after_the_time_it_says_that_there_was_none(admin, start):
    response = admin.ask("GET", "/feed", query_string={"after": start, "wait": 1})

    assert response.json == {"items": [], "next": start}
    # It may ask again at once, because it will wait there.
    assert "Retry-After" not in response.headers


@pytest.mark.waits
def test_beyond_the_bound_the_response_comes_at_once(admin, held, start):
    waiting.share_threads(4)

    with held(after=start) as one:
        began = monotonic()
        response = admin.ask("GET", "/feed", query_string={"after": start, "wait": 25})
        took, was_open = monotonic() - began, one.is_open

    assert was_open
    assert took < 20
    assert response.json["items"] == []
    assert response.headers["Retry-After"] == "5"


@pytest.mark.waits
def test_a_slot_is_free_again_afterwards(admin, start):
    waiting.share_threads(4)

    for _ in range(2):
        response = admin.ask("GET", "/feed", query_string={"after": start, "wait": 1})
        assert "Retry-After" not in response.headers


@pytest.mark.parametrize("threads", [1, 3])
def test_few_threads_hold_no_requests(admin, start, threads):
    waiting.share_threads(threads)

    response = admin.ask("GET", "/feed", query_string={"after": start, "wait": 25})

    assert response.headers["Retry-After"] == "5"


@pytest.mark.waits
def test_a_server_that_stops_answers_what_it_holds(held, start):
    with held(after=start) as one:
        current.services().stopping.set()
        response = one.end()

    assert response.json == {"items": [], "next": start}
    assert response.headers["Retry-After"] == "5"


@pytest.mark.waits
def test_one_that_may_not_read_any_more_gets_no_events(held, cleo, made, start, turned_clock):
    with held(after=start) as one:
        with transaction():
            change(update(Account).where(Account.id == cleo.id).values(role=None))
        end(made)
        turned_clock.turn(SETTLED)
        response = one.end()

    assert response.status_code == 403
    assert "items" not in response.json


@pytest.mark.parametrize("seconds", ["-1", "26", "1.5", "soon"])
def test_it_waits_for_a_whole_number_of_seconds_within_bounds(admin, seconds):
    problem = admin.get("/feed", 422, wait=seconds)

    assert [one["pointer"] for one in problem["errors"]] == ["/wait"]

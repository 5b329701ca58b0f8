"""The limit of a person's sessions: one more ends the oldest, and its apps are notified."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from provider.accounts.models import Account
from provider.audit.models import AuditEvent
from provider.authentication import session
from provider.authentication.browser import Browser
from provider.authentication.factors import Factor
from provider.authentication.password import Credentials
from provider.infrastructure import current
from provider.infrastructure.database import db, is_sqlite, transaction
from provider.logout import limit
from provider.logout.models import Logout, LogoutReason
from provider.logout.notice import SID
from provider.pages.sign_in import admit
from provider.sessions.queries import find_live, list_living_of
from tests.factories import PASSWORD, make_account, make_client, make_session


@pytest.fixture
def at_most(app):
    """Sets how many sessions a person may have."""

    def allow(most: int) -> None:
        changed = replace(current.settings(), sessions_per_account=most)
        current.install(app, replace(current.services(), settings=changed))

    return allow


def sign_in(app) -> str:
    with app.test_request_context("/sign-in", environ_base={"REMOTE_ADDR": "192.0.2.1"}):
        return admit(Credentials(username="ada", password=PASSWORD), client_id="red").session_handle


def test_one_more_ends_the_oldest_and_tells_its_apps(app, ada, at_most, turned_clock):
    red = make_client("red")
    at_most(2)
    oldest = make_session(ada, [red])
    turned_clock.turn(timedelta(minutes=1))
    newer = make_session(ada, [red])
    other = make_session(make_account("ben"), [red])
    turned_clock.turn(timedelta(minutes=1))

    newest = sign_in(app)

    assert find_live(oldest.handle) is None
    assert all(find_live(handle) for handle in (newer.handle, newest, other.handle))
    assert list(db.session.scalars(select(SID))) == [oldest.client_sessions["red"].sid]
    (ended,) = db.session.scalars(select(Logout))
    assert (ended.reason, ended.initiator) == (LogoutReason.SESSION_LIMIT, "system")
    entry = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "logout")).one()
    assert (entry.detail["reason"], entry.ip) == ("session_limit", "192.0.2.1")


def test_without_a_limit_nothing_ends(app, ada):
    for _ in range(5):
        make_session(ada)

    sign_in(app)

    assert len(list_living_of(ada.id)) == 6


def test_expired_sessions_do_not_count(app, ada, at_most, turned_clock):
    at_most(2)
    make_session(ada)
    turned_clock.turn(timedelta(hours=2))
    living = make_session(ada)

    sign_in(app)

    assert find_live(living.handle)


def test_a_limit_of_one_leaves_the_new_session_alone(app, ada, at_most):
    at_most(1)
    old = make_session(ada)

    new = sign_in(app)

    assert find_live(old.handle) is None
    assert find_live(new)


def test_where_a_limit_is_new_a_persons_many_sessions_end_over_some_sign_ins(app, ada, at_most, monkeypatch):
    monkeypatch.setattr(limit, "_MOST_AT_ONCE", 2)
    at_most(1)
    for _ in range(5):
        make_session(ada)
    left = []

    for _ in range(4):
        sign_in(app)
        left.append(len(list_living_of(ada.id)))

    assert left == [4, 3, 2, 1]


def test_sign_ins_at_the_same_moment_count_one_another(app, ada, at_most):
    if is_sqlite():
        pytest.skip("SQLite has one writer at a time")
    at_most(3)
    begin = threading.Barrier(6)

    def begin_session() -> None:
        with app.app_context():
            begin.wait()
            with transaction():
                account = db.session.scalars(select(Account).with_for_update()).one()
                session.begin(account, (Factor.PASSWORD,), Browser(ip=None, device=""))
            db.session.remove()

    people = [threading.Thread(target=begin_session) for _ in range(6)]
    for one in people:
        one.start()
    for one in people:
        one.join()

    assert len(list_living_of(ada.id)) == 3

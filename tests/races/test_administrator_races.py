"""An administrator whose role is taken away at the very moment of an act (THR-51)."""

from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from provider.accounts.models import Account
from provider.accounts.roles import Role
from provider.administration import roles
from provider.audit.models import AuditEvent
from provider.audit.tags import EventTag
from provider.infrastructure.database import db, transaction
from provider.logout.models import Logout
from tests.console.conftest import sign_in
from tests.factories import make_account, make_session
from tests.races.at_once import ON_POSTGRESQL, ROUNDS, at_once, just_before
from tests.support.browsers import Page, follow
from tests.support.reads import end_read

pytestmark = ON_POSTGRESQL


@pytest.fixture
def cleo(app: Flask) -> Account:
    """An administrator beside whom there is another, so that she can lose the role."""
    give(make_account("dora"), Role.ADMINISTRATOR)
    return make_account("cleo")


@pytest.fixture
def console(browser, cleo):
    give(cleo, Role.ADMINISTRATOR)
    http = browser()
    assert sign_in(http, "cleo").status_code == 200
    return http


def give(account: Account, role: Role | None) -> None:
    with transaction():
        db.session.get_one(Account, account.id).role = role


def count(what: Any) -> int:
    end_read()
    return db.session.scalar(select(func.count()).select_from(what)) or 0


def test_an_act_and_the_withdrawal_of_the_role_at_once(console, cleo, ada, do):
    """Either the act was first, and its entry is before the withdrawal, or nothing has changed."""
    take_away = do(roles.set_role, cleo, None)
    for _ in range(ROUNDS):
        give(cleo, Role.ADMINISTRATOR)
        made, before = make_session(ada), count(Logout)
        form = Page(console, console.get(f"/admin/people/{ada.id}/sessions?session={made.session.id}"))

        response, _ = at_once(partial(form.press, "end"), take_away)

        ended = count(Logout) - before
        assert is_done(response) == (ended == 1)
        if ended:
            assert tags() == [EventTag.ROLE_CHANGED, EventTag.LOGOUT]
        assert follow(console, console.get("/admin/people")).status_code == 403


def is_done(response: TestResponse) -> bool:
    """Return whether the console says that it has acted; otherwise it asks to sign in again, or refuses."""
    return "done=sessions" in response.headers.get("Location", "")


def tags() -> list[str]:
    """The newest entries about the two acts, newest first."""
    both = (EventTag.ROLE_CHANGED, EventTag.LOGOUT)
    newest = select(AuditEvent.tag).where(AuditEvent.tag.in_(both)).order_by(AuditEvent.id.desc()).limit(2)
    return list(db.session.scalars(newest))


def test_a_role_that_is_gone_before_the_act_locks_its_row_refuses_the_act(console, cleo, ada, do):
    """The gate reads the role a second time, behind the lock."""
    made = make_session(ada)
    form = Page(console, console.get(f"/admin/people/{ada.id}/sessions?session={made.session.id}"))

    with just_before("SELECT account.id", do(roles.set_role, cleo, None)):
        response = form.press("end")

    assert not is_done(response)
    assert count(Logout) == 0

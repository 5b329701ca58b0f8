"""Ada, two apps, and what any thread may do to them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, inspect, select

from provider.accounts.models import Account
from provider.delivery.models import Delivery
from provider.infrastructure.database import Base, db, transaction
from provider.logout.notice import SESSION_ID
from tests.admin_api.conftest import admin, cleo, tool  # noqa: F401 – fixtures.
from tests.factories import SignedIn, make_session
from tests.support.browsers import show_session
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty

Act = Callable[[], Any]
Do = Callable[..., Act]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Have races begin early: each is run many times."""
    item.add_marker(pytest.mark.lengthy)


@pytest.fixture
def settings(settings):
    """A person who signs in a thousand times is no attacker here, and a device that asks as often is none."""
    limits = ("sign_in_limit_account", "sign_in_limit_address", "device_request_limit_address")
    return replace(settings, **dict.fromkeys(limits, "1000000 per minute"))


@pytest.fixture(autouse=True)
def keys(signing_keys):
    """There are keys that sign."""


@pytest.fixture
def rp(app):
    return RelyingParty(app, "red", id_token_signed_response_alg="ES256")


@pytest.fixture
def green(app):
    return RelyingParty(app, "green", id_token_signed_response_alg="ES256")


@pytest.fixture
def signed_in(http, ada):
    return show_session(http, make_session(ada))


@pytest.fixture
def do(app) -> Do:
    """Makes an act that any thread can do: in a context of its own and in one transaction.

    Rows are read anew there. Nothing is tried again, so that two acts which wait for each other are seen.
    """

    def own(argument: Any) -> Any:
        if not isinstance(argument, Base):
            return argument
        return db.session.get_one(type(argument), inspect(argument).identity)

    def make(act: Callable[..., Any], *arguments: Any, **options: Any) -> Act:
        def run() -> Any:
            with app.app_context(), transaction():
                return act(*[own(argument) for argument in arguments], **options)

        return run

    return make


@pytest.fixture
def begin(browser, ada) -> Callable[..., tuple[SignedIn, FlaskClient]]:
    """Begins another session of Ada's, in a browser of its own."""

    def make(*clients: Any, offline: tuple[str, ...] = ()) -> tuple[SignedIn, FlaskClient]:
        account = db.session.get_one(Account, ada.id, populate_existing=True)
        made = make_session(account, [one.client for one in clients], offline=offline)
        return made, show_session(browser(), made)

    return make


def twins(browser: Callable[[], FlaskClient], one: FlaskClient, count: int) -> list[FlaskClient]:
    """As many copies of a browser with its cookies, one for each thread."""
    copies = []
    for _ in range(count):
        copy = browser()
        for name in ("curfew_session", "curfew_browser"):
            if cookie := one.get_cookie(name):
                copy.set_cookie(name, cookie.value)
        copies.append(copy)
    return copies


def owed_for(session_id: UUID) -> dict[UUID, int]:
    """Count the deliveries that each client is owed for the end of a session."""
    end_read()
    rows = select(Delivery.recipient_id, func.count()).where(session_id == SESSION_ID)
    return {row[0]: row[1] for row in db.session.execute(rows.group_by(Delivery.recipient_id))}

"""Cleo at the console: signed in by her password, or with what that leaves in her browser."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from provider.accounts.change import set_role
from provider.accounts.models import Account
from provider.accounts.roles import Role
from provider.clients.own import establish_console, find_console
from provider.config import Settings
from provider.infrastructure import current
from provider.infrastructure.database import transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.protocol.scopes import OPENID
from provider.tokens import access
from tests.conftest import FAST_SETTINGS
from tests.factories import PASSWORD, make_account, make_session
from tests.support import busy_day, signing_keys
from tests.support.applications import opened
from tests.support.browsers import ISSUER, Page, follow, show_session
from tests.support.databases import migrate
from tests.support.demo import free_run
from tests.support.reads import end_read
from tests.support.serving import serving

Enter = Callable[..., FlaskClient]


def give_role(account: Account, role: Role | None) -> None:
    with transaction():
        set_role(account, role)


def sign_in(http: FlaskClient, username: str, path: str = "/admin") -> TestResponse:
    """Open a page of the console and answer the sign-in page; returns what is shown then."""
    form = follow(http, http.get(path))
    return follow(http, Page(http, form).press("sign-in", username=username, password=PASSWORD))


def at_the_console(http: FlaskClient, account: Account) -> FlaskClient:
    """Have a browser hold what a sign-in at the console leaves in it, without its six requests."""
    callback = f"{current.settings().issuer}/admin/callback"
    with transaction():
        console = find_console(callback) or establish_console(callback)
    made = make_session(account, [console], scope=OPENID)
    with transaction():
        token, _ = access.issue_for_grant(
            console,
            made.grants[console.client_id],
            made.client_sessions[console.client_id],
            made.session,
            scope=OPENID,
            family_id=new_id(),
            offline=False,
            lasting=True,
        )
    end_read()
    http.set_cookie("curfew_console", token)
    return show_session(http, made)


@dataclass(frozen=True)
class Day:
    """A provider with a day behind it, which the tests of a module look at together."""

    app: Flask
    people: dict[str, Account]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    with a_day(tmp_path_factory.mktemp("day"), ISSUER) as made:
        yield made


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """The same, served to browsers."""
    port = free_run(1)
    with (
        a_day(tmp_path_factory.mktemp("day"), f"http://localhost:{port}") as made,
        serving(made.app, port),
    ):
        yield made


@contextmanager
def a_day(folder: Path, issuer: str) -> Iterator[Day]:
    url = f"sqlite:///{folder / 'day.sqlite3'}"
    migrate(url)
    with opened(Settings(issuer=issuer, database_url=url, data_dir=folder, **FAST_SETTINGS)) as app:
        with transaction():
            signing_keys.provide()
        yield Day(app, busy_day.make())


@pytest.fixture
def cleo(app) -> Account:
    """Cleo, who administers."""
    account = make_account("cleo")
    give_role(account, Role.ADMINISTRATOR)
    return account


@pytest.fixture
def enter(browser: Callable[[], FlaskClient], cleo: Account) -> Enter:
    """Makes browsers in which Cleo, in some role, has just signed in at the console."""

    def make(role: Role = Role.ADMINISTRATOR) -> FlaskClient:
        give_role(cleo, role)
        return at_the_console(browser(), cleo)

    return make


@pytest.fixture
def console(enter: Enter) -> FlaskClient:
    """Cleo's browser, in which she administers."""
    return enter()

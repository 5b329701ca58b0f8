"""A flood of requests without a session writes nothing and locks out no network (THR-60)."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.infrastructure.database import db
from provider.interactions.models import Interaction
from tests.factories import make_session
from tests.support.browsers import Page, follow, query_of, show_session
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty, type_password

pytestmark = [
    pytest.mark.usefixtures("signing_keys"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]
LIMIT, MANY = 5, 20


@pytest.fixture
def settings(settings):
    return replace(settings, parked_request_limit_address=f"{LIMIT} per minute")


@pytest.fixture
def rp(app):
    return RelyingParty(app)


def count(table) -> int:
    end_read()
    return len(list(db.session.scalars(select(table))))


def at_the_endpoint(rp, http):
    return rp.authorize(http)


def at_the_account(_rp, http):
    return http.get("/account")


@pytest.mark.parametrize("ask", [at_the_endpoint, at_the_account])
def test_a_flood_writes_nothing_and_its_own_network_is_served(browser, rp, ada, ask, statements):
    ask(rp, browser())
    with statements() as seen:
        responses = [ask(rp, browser()) for _ in range(MANY)]
        pages = [browser().get(one.headers["Location"]).status_code for one in responses]

    assert {one.headers["Location"][:9] for one in responses} == {"/sign-in/"}
    assert set(pages) == {410}
    assert not [one for one in seen if not one.startswith("SELECT")]
    assert (count(Interaction), count(AuditEvent)) == (0, 0)
    person = browser()
    assert "code" in query_of(type_password(person, rp.authorize(person)))


def test_refusals_without_a_session_count_by_network(browser, rp):
    """Each makes a row; beyond the limit the page says so, and the request can still be answered."""
    responses = []
    for _ in range(MANY):
        http = browser()
        responses.append(Page(http, http.get(rp.authorize(http).headers["Location"])).press("cancel"))

    assert [one.status_code for one in responses] == [303] * LIMIT + [429] * (MANY - LIMIT)
    assert count(Interaction) == LIMIT


def test_rows_for_a_person_count_by_the_session(browser, rp, ada):
    """A hoard of sealed requests does not help a person to more rows than others get."""
    http = browser()
    hoard = [rp.authorize(http, prompt="login").headers["Location"] for _ in range(MANY)]
    show_session(http, make_session(ada))

    for address in hoard:
        follow(http, http.get(address))

    assert count(Interaction) == LIMIT
    other = show_session(browser(), make_session(ada))
    assert "/sign-in/" in rp.authorize(other, prompt="login").headers["Location"]


def test_a_request_that_is_too_long_for_an_address_is_stored_and_counted(browser, rp):
    for _ in range(MANY):
        rp.authorize(browser(), state="x" * 1500)

    assert count(Interaction) == LIMIT

"""The lists of the account page: how an app's line is counted, and what does not fit on one page."""

import re
from datetime import timedelta

import pytest

from provider.grants import lifecycle as grants
from provider.grants.models import Grant
from provider.holdings.apps import list_held_apps
from provider.infrastructure.database import db, transaction, write_gathered
from provider.infrastructure.opaque_tokens import new_id
from provider.logout.preview import MOST_SESSIONS
from provider.pages.account_lists import MOST_ROWS
from provider.sessions import lifecycle
from tests.factories import make_account, make_client, make_session
from tests.support.browsers import Page, show_session


def links(html) -> dict[str, str]:
    found = re.findall(r'<a id="((?:more|top)-\w+)" href="([^"]*)"', html)
    return {name: address.replace("&amp;", "&") for name, address in found}


def listed(html, kind) -> list[str]:
    return re.findall(rf'<li id="{kind}-([^"]*)"', html)


def walk(http, kind, part) -> list[list[str]]:
    """Return the entries on each page of a list, from the first to the last."""
    seen, address = [], "/account"
    while address:
        html = http.get(address).text
        seen.append(listed(html, kind))
        address = links(html).get(f"more-{part}")
    return seen


def test_every_session_is_on_one_page_and_this_browser_leads_the_first(http, ada):
    made = [make_session(ada) for _ in range(2 * MOST_ROWS + 2)]
    make_session(make_account("ben"))
    show_session(http, made[0])

    pages = walk(http, "session", "sessions")

    shown = [name for page in pages for name in page]
    assert pages[0][0] == str(made[0].session.id)
    assert sorted(shown) == sorted(str(one.session.id) for one in made)
    assert len(pages) == 3


def test_every_app_is_on_one_page(http, ada):
    names = sorted(f"app{number}" for number in range(MOST_ROWS + 1))
    made = make_session(ada, [make_client(name) for name in names])
    show_session(http, made)

    pages = walk(http, "app", "apps")

    assert [len(page) for page in pages] == [MOST_ROWS, 1]
    assert sorted(name for page in pages for name in page) == names


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_going_on_in_one_list_stays_where_it_was_in_the_other(http, ada):
    clients = [make_client(f"app{number}") for number in range(MOST_ROWS + 1)]
    made = [make_session(ada, clients), *(make_session(ada) for _ in range(MOST_ROWS + 1))]
    show_session(http, made[0])

    # Made within one millisecond, they may stand in any order.
    last = max(clients, key=lambda client: client.id).client_id
    first = links(http.get("/account").text)
    second = links(http.get(first["more-apps"]).text)
    both = http.get(second["more-sessions"]).text

    assert set(first) == {"more-sessions", "more-apps"}
    assert listed(both, "app") == [last]
    assert str(made[0].session.id) not in listed(both, "session")
    assert listed(http.get(links(both)["top-sessions"]).text, "app") == [last]
    assert first["more-apps"].endswith("#apps")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_on_a_later_page_can_be_ended_there(http, ada):
    made = [make_session(ada) for _ in range(MOST_ROWS + 3)]
    show_session(http, made[-1])
    second = Page(http, http.get(links(http.get("/account").text)["more-sessions"]))

    second.press(f"sign-out-session-{made[0].session.id}")

    assert str(made[0].session.id) not in [
        name for page in walk(http, "session", "sessions") for name in page
    ]


@pytest.mark.spec("ABU-54")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "query",
    [
        pytest.param("sessions=1", id="no identifier"),
        pytest.param("apps=' OR 1=1 --", id="SQL"),
        pytest.param("sessions={01890000-0000-7000-8000-000000000000}", id="another way to write it"),
        pytest.param(
            "apps=01890000-0000-7000-8000-000000000000&apps=01890000-0000-7000-8000-000000000000", id="twice"
        ),
    ],
)
def test_a_place_that_no_page_has_given_is_refused(http, ada, query):
    show_session(http, make_session(ada))

    assert http.get(f"/account?{query}").status_code == 400


def test_a_cursor_of_another_person_shows_nothing_of_theirs(http, ada):
    show_session(http, make_session(ada))
    theirs = make_session(make_account("ben"), [make_client("blue")])

    page = http.get(f"/account?sessions={theirs.session.id}&apps={new_id()}").text

    assert "Blue" not in page
    assert str(theirs.session.id) not in listed(page, "session")


def test_an_app_is_counted_once_for_each_session_and_acts_until_its_last_grant_ends(ada):
    red = make_client("red")
    here, *_others = (make_session(ada, [red], offline=("red",)) for _ in range(3))
    with transaction():
        made = grants.create(
            ada,
            red,
            scope="openid offline_access",
            sid=lifecycle.new_sid(),
            provider_epoch=here.session.provider_epoch,
            offline=True,
        )
        write_gathered()
        longest = db.session.get_one(Grant, made.id)
        longest.expires_at += timedelta(days=1)

    [held] = list_held_apps(here.session)

    assert (held.client.client_id, held.elsewhere) == ("red", 2)
    assert held.offline_until == longest.expires_at


def test_an_app_without_session_is_listed_only_if_it_may_act_alone(ada):
    red, green = make_client("red"), make_client("green")
    here, other = make_session(ada), make_session(ada, [red, green], offline=("green",))
    with transaction():
        other.session.ended_at = other.session.created_at
        for client_session in other.client_sessions.values():
            client_session.ended_at = other.session.created_at

    assert [held.client.client_id for held in list_held_apps(here.session)] == ["green"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_second_question_says_how_many_it_does_not_name(http, ada):
    for _ in range(MOST_SESSIONS + 2):
        show_session(http, make_session(ada))

    assert "and 2 more" in http.get("/account/everywhere").text

"""Writes before any proof are bounded: in number, by network, and in size.

Here every request is stored; `test_sealed_flood.py` has those that write nothing.
"""

from dataclasses import replace

import pytest
from sqlalchemy import select

from provider.infrastructure.database import db, transaction
from provider.interactions.models import Interaction, InteractionKind
from tests.factories import make_session
from tests.support.browsers import Page, follow, query_of, show_session
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty, type_password

pytestmark = [
    pytest.mark.usefixtures("signing_keys"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]
ATTACKER, NEIGHBOUR = {"REMOTE_ADDR": "192.0.2.66"}, {"REMOTE_ADDR": "192.0.2.9"}
LARGE = "x" * 7000


@pytest.fixture
def settings(settings):
    return replace(settings, parked_request_limit_address="5 per minute", sealed_request_bytes=0)


@pytest.fixture
def rp(app):
    return RelyingParty(app)


def parked(kind: InteractionKind | None = None) -> list[Interaction]:
    end_read()
    rows = select(Interaction)
    return list(db.session.scalars(rows.where(Interaction.kind == kind) if kind else rows))


def by_get(rp, http, **asked):
    return http.get("/authorize", query_string=rp.request(**asked), environ_base=ATTACKER)


def by_post(rp, http, **asked):
    return http.post("/authorize", data=rp.request(**asked), environ_base=ATTACKER)


def at_the_account(_rp, http, **_asked):
    return http.get("/account", environ_base=ATTACKER)


def at_sign_out(_rp, http, **_asked):
    return http.post("/session/end", environ_base=ATTACKER)


@pytest.mark.parametrize("ask", [by_get, by_post, at_the_account, at_sign_out])
def test_a_flood_from_one_network_stops_and_its_neighbour_is_served(browser, rp, ada, ask):
    responses = [ask(rp, browser(), state=str(number)) for number in range(20)]

    assert len(parked()) == 5
    refused = responses[-1]
    assert refused.status_code == 429 or query_of(refused)["error"] == "temporarily_unavailable"
    neighbour = browser()
    neighbour.environ_base.update(NEIGHBOUR)
    assert "code" in query_of(type_password(neighbour, rp.authorize(neighbour)))


def test_who_is_signed_in_in_the_same_network_is_served(app, browser, ada):
    blue = RelyingParty(app, "blue", first_party=False)
    for _ in range(9):
        by_get(blue, browser())
    person = show_session(browser(), make_session(ada))
    person.environ_base.update(ATTACKER)

    page = Page(person, follow(person, blue.authorize(person)))
    assert "code" in query_of(follow(person, page.press("allow")))
    assert "sign-out" in Page(person, follow(person, person.get("/session/end"))).html


def test_who_has_signed_in_before_in_the_same_network_is_served(browser, rp, ada):
    person = browser()
    type_password(person, rp.authorize(person))
    person.delete_cookie("curfew_session")
    person.environ_base.update(ATTACKER)
    impostor = browser()
    genuine = person.get_cookie("curfew_known_browser").value
    impostor.set_cookie("curfew_known_browser", f"{'A' * 43}{genuine[43:]}")
    for _ in range(9):
        by_get(rp, browser())

    assert query_of(by_get(rp, impostor))["error"] == "temporarily_unavailable"
    assert "code" in query_of(type_password(person, rp.authorize(person)))


def test_large_requests_count_by_their_size(browser, rp):
    for _ in range(5):
        by_get(rp, browser(), state=LARGE)

    assert len(parked()) == 1


@pytest.mark.parametrize("is_public", [True, False])
def test_what_anybody_can_push_counts_by_network(app, rp, is_public):
    """Self-registered and public clients are as many as an attacker likes."""
    apps = [RelyingParty(app, f"app-{number}", public=is_public) for number in range(3)]
    if not is_public:
        with transaction():
            for one in apps:
                db.session.merge(one.client).self_registered = True

    responses = [one.post("/par", **one.request()).status_code for one in apps for _ in range(3)]

    assert responses == [201] * 5 + [429] * 4
    assert rp.post("/par", **rp.request()).status_code == 201


def test_a_request_that_is_too_large_in_all_is_refused_in_any_way(signed_in, rp):
    large = {"state": LARGE, "ui_locales": LARGE, "login_hint": LARGE}

    for response in (by_get(rp, signed_in, **large), by_post(rp, signed_in, **large)):
        assert query_of(response)["error"] == "invalid_request"
    assert rp.post("/par", **rp.request(**large)).json["error"] == "invalid_request"
    assert parked() == []
    assert "code" in query_of(by_get(rp, signed_in, state=LARGE))


def test_a_pushed_request_is_stored_once_however_often_it_is_opened(browser, rp, ada):
    request_uri = rp.post("/par", **rp.request(state=LARGE, login_hint="ada")).json["request_uri"]
    asked = {"client_id": "red", "request_uri": request_uri}

    opened = [browser().get("/authorize", query_string=asked) for _ in range(2)]
    posted = browser().post("/authorize", data=asked)

    assert [row.parameters for row in parked(InteractionKind.AUTHORIZATION)] == [{}, {}, {}]
    http = browser()
    page = Page(http, follow(http, http.get(posted.headers["Location"])))
    assert page.fields["username"] == "ada"
    assert query_of(type_password(http, page.response))["state"] == LARGE
    assert all(response.status_code == 303 for response in opened)


@pytest.fixture
def signed_in(http, ada):
    return show_session(http, make_session(ada))

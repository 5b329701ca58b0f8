"""The end of offline grants: by the client's policy, by its metadata, and by time."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from provider.accounts import change as accounts
from provider.audit.models import AuditEvent
from provider.clients.models import Client
from provider.delivery.models import Delivery
from provider.grants.models import Grant
from provider.infrastructure.database import change, db, transaction
from provider.logout.bulk import begin as bulk
from provider.logout.bulk import walk as bulk_walk
from provider.logout.everywhere import end_everywhere
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.sessions.queries import find_live
from tests.factories import make_client, make_session
from tests.support.browsers import Page, follow, query_of, show_session
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty, press

BY_ADMIN = Cause(reason=LogoutReason.ADMIN, initiator="admin")


@pytest.fixture
def made(ada):
    """Ada's session at asking, which wants to be asked about, and keeping; offline grants at both."""
    clients = [make_client("asking", settings={"offline_policy": "ask"}), make_client("keeping")]
    return make_session(ada, clients, offline=("asking", "keeping"))


def is_revoked(grant: Grant) -> bool:
    end_read()
    db.session.refresh(grant)
    return grant.revoked_at is not None


def confirm_page(http, **parameters: str) -> Page:
    return Page(http, follow(http, http.get("/session/end", query_string=parameters)))


@pytest.mark.parametrize(("ticked", "revoked"), [(True, True), (False, False)])
@pytest.mark.parametrize("choice", ["true", "app"])
def test_the_person_decides_where_the_client_wants_to_be_asked_about(http, made, choice, ticked, revoked):
    page = confirm_page(show_session(http, made), client_id="asking")
    assert 'id="revoke-offline"' in page.html
    assert "revoke_offline" not in page.fields
    typed = page.fields | {"logout": choice} | ({"revoke_offline": "true"} if ticked else {})

    http.post("/session/end/confirm", data=typed)

    assert is_revoked(made.grants["asking"]) == revoked
    assert not is_revoked(made.grants["keeping"])


def test_no_question_where_no_client_wants_it(http, ada):
    made = make_session(ada, [make_client("keeping")], offline=("keeping",))

    assert "revoke-offline" not in confirm_page(show_session(http, made)).html


def test_no_question_about_a_grant_that_has_expired(app, http, signing_keys, ada, turned_clock):
    policy = {"offline_policy": "ask", "grant_lifetime": timedelta(minutes=30)}
    offline = Offline(app, http, ada, settings=policy)
    hint = offline.tokens["id_token"]
    assert "revoke-offline" in confirm_page(http, id_token_hint=hint).html
    turned_clock.turn(timedelta(minutes=30))

    assert "revoke-offline" not in confirm_page(http).html
    http.get("/session/end", query_string={"id_token_hint": hint})

    # The hint was proof enough, as for a client without that policy.
    assert find_live(offline.made.handle) is None


class Offline:
    """Ada has given red offline access; tells what red can still do with it."""

    def __init__(self, app, http, ada, **client: object) -> None:
        self.rp = RelyingParty(app, "red", **client)
        self.made = make_session(ada)
        browser = show_session(http, self.made)
        asked = self.rp.authorize(browser, scope="openid offline_access", prompt="consent")
        self.tokens = self.rp.exchange(query_of(press(browser, asked, "allow"))["code"]).json

    def refresh(self):
        response = self.rp.refresh(self.tokens["refresh_token"])
        if response.status_code == 200:
            self.tokens = response.json
        return response


@pytest.fixture
def offline(app, http, ada):
    return Offline(app, http, ada)


def set_metadata(**changed: object) -> Client:
    red = db.session.scalars(select(Client).where(Client.client_id == "red")).one()
    with transaction():
        change(update(Client).where(Client.id == red.id).values(registered=red.registered | changed))
    db.session.refresh(red)
    return red


@pytest.mark.spec("ABU-24")
@pytest.mark.parametrize(
    ("changed", "error"),
    [
        pytest.param({"scope": "openid profile"}, "invalid_grant", id="the scope is taken away"),
        pytest.param({"grant_types": ["authorization_code"]}, "unauthorized_client", id="the grant type"),
    ],
)
def test_offline_access_that_is_taken_from_a_client_is_refused_at_the_next_refresh(offline, changed, error):
    assert offline.refresh().status_code == 200

    set_metadata(**changed)

    assert offline.refresh().json["error"] == error


def test_what_was_taken_away_is_revoked_and_notified(offline):
    red = set_metadata(scope="openid profile")
    with transaction():
        bulk.end_offline_of_client(red, "admin")
    while bulk_walk.carry_on() is not None:
        pass

    assert db.session.scalars(select(Grant)).one().revoked_at
    assert len(list(db.session.scalars(select(Delivery)))) == 1
    assert "mass_ending" in set(db.session.scalars(select(AuditEvent.tag)))


def test_a_grant_lives_as_long_as_its_client_says(app, http, ada, turned_clock):
    brief = Offline(app, http, ada, settings={"grant_lifetime": timedelta(days=3)})

    turned_clock.turn(timedelta(days=2))
    assert brief.refresh().status_code == 200
    turned_clock.turn(timedelta(days=1))
    assert brief.refresh().json["error"] == "invalid_grant"


def test_an_unused_refresh_token_expires_from_idleness(app, http, ada, turned_clock):
    offline = Offline(app, http, ada)

    for _ in range(2):
        turned_clock.turn(timedelta(days=13))
        assert offline.refresh().status_code == 200
    turned_clock.turn(timedelta(days=14))
    assert offline.refresh().json["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(accounts.disable, id="disabled"),
        pytest.param(accounts.delete, id="deleted"),
        pytest.param(
            lambda ada: accounts.set_password(ada, "another horse battery staple", reset=True),
            id="password reset",
        ),
    ],
)
def test_what_is_done_to_an_account_ends_all_of_it_with_the_codes_in_flight(app, http, ada, act):
    offline = Offline(app, http, ada)
    code = offline.rp.code(http)

    with transaction():
        act(ada)
        end_everywhere(ada, BY_ADMIN)

    assert offline.rp.exchange(code).json["error"] == "invalid_grant"
    assert offline.refresh().json["error"] == "invalid_grant"
    assert offline.rp.userinfo(offline.tokens["access_token"]).status_code == 401
    assert "code=" not in offline.rp.authorize(http).headers["Location"]

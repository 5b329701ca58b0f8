"""Token exchange at `/token` as services that act for a person see it (rfc8693)."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from provider.audit.models import AuditEvent
from provider.clients.models import Client
from provider.infrastructure.database import change, db, transaction
from provider.protocol.grant_types import TOKEN_EXCHANGE
from tests.endpoints.test_token import give_offline_access
from tests.support.command import run_curfew
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty

TYPE = "urn:ietf:params:oauth:token-type:access_token"
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Service(RelyingParty):
    """An API server that is called with red's tokens and calls others in the name of red's people."""

    def __init__(self, app, client_id="api", *, of=("red",), **made) -> None:
        usual = {"grant_types": [TOKEN_EXCHANGE], "redirect_uris": [], "scope": "openid profile email"}
        super().__init__(app, client_id, settings={"may_exchange_tokens_of": list(of)}, **(usual | made))

    def take(self, token: str, **changes):
        usual = {"grant_type": TOKEN_EXCHANGE, "subject_token": token, "subject_token_type": TYPE}
        return self.post("/token", **(usual | changes))

    def taken(self, token: str, **changes) -> dict:
        response = self.take(token, **changes)
        assert response.status_code == 200, response.get_data(as_text=True)
        return response.json


@pytest.fixture
def api(app):
    return Service(app)


@pytest.mark.spec("rfc8693 §2.2.1")
def test_a_service_gets_a_token_that_says_for_whom_and_by_whom(signed_in, rp, api, ada):
    tokens = rp.sign_in(signed_in)

    response = api.take(tokens["access_token"], scope="openid email")

    body = response.json
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert (body["issued_token_type"], body["token_type"]) == (TYPE, "Bearer")
    assert body["scope"] == "openid email"
    assert {"refresh_token", "id_token"}.isdisjoint(body)
    exchanged, own = api.introspect(body["access_token"]), rp.introspect(tokens["access_token"])
    assert (exchanged["sub"], exchanged["client_id"], exchanged["act"]) == (ada.sub, "api", {"sub": "api"})
    assert (exchanged["sid"], exchanged["auth_time"]) == (own["sid"], own["auth_time"])
    assert "act" not in own
    assert api.userinfo(body["access_token"]).json["email"] == "ada@example.test"
    end_read()
    entry = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "token_exchanged")).one()
    assert (entry.client_id, entry.account_id, entry.detail["of"]) == ("api", ada.id, "red")


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(lambda story: story.end_session(), id="she signed out of the browser"),
        pytest.param(lambda story: story.end_everywhere(), id="she signed out everywhere"),
        pytest.param(lambda story: story.set_account(disabled_at=story.now), id="her account is disabled"),
        pytest.param(lambda story: story.set_provider(epoch=7), id="the provider has another epoch"),
        pytest.param(lambda story: of("red", disabled_at=story.now), id="her app is disabled"),
        pytest.param(lambda story: of("red", epoch=7), id="everything of her app was ended"),
        pytest.param(lambda story: of("api", disabled_at=story.now), id="the service is disabled"),
        pytest.param(lambda story: of("api", deleted_at=story.now), id="the service was removed"),
        pytest.param(lambda story: of("api", epoch=7), id="everything of the service was ended"),
    ],
)
def test_the_services_token_is_refused_as_soon_as_the_persons_own_would_be(story, api, how):
    """Design §4: it belongs to the same session and grant, and depends on the service, too."""
    held = api.taken(story.rp.sign_in(story.browser)["access_token"])
    assert story.rp.userinfo(held["access_token"]).status_code == 200

    how(story)

    assert story.rp.userinfo(held["access_token"]).status_code == 401


def of(client_id: str, **values) -> None:
    with transaction():
        assert change(update(Client).where(Client.client_id == client_id).values(**values)) == 1


def test_no_service_acts_for_a_person_whose_session_has_ended(story, api):
    tokens = story.rp.sign_in(story.browser)
    story.end_session()

    assert api.take(tokens["access_token"]).json["error"] == "invalid_request"


def test_it_dies_with_the_refresh_token_that_the_persons_own_came_with(signed_in, rp, api):
    tokens = rp.sign_in(signed_in)
    held = api.taken(tokens["access_token"])

    rp.revoke(tokens["refresh_token"])

    assert rp.userinfo(held["access_token"]).status_code == 401


def test_with_an_offline_grant_it_lives_on_as_the_persons_own_does(story, api):
    tokens = give_offline_access(story.rp, story.browser)
    held = api.taken(tokens["access_token"])

    story.end_session()

    assert story.lives(tokens)
    assert story.rp.userinfo(held["access_token"]).status_code == 200


def test_it_lives_no_longer_than_the_persons_own(signed_in, rp, api, turned_clock):
    tokens = rp.sign_in(signed_in)
    turned_clock.turn(timedelta(minutes=50))

    held = api.taken(tokens["access_token"])

    assert held["expires_in"] == 600
    turned_clock.turn(timedelta(minutes=10))
    assert rp.userinfo(held["access_token"]).status_code == 401


def test_only_the_service_can_give_it_back(signed_in, rp, api):
    held = api.taken(rp.sign_in(signed_in)["access_token"])["access_token"]
    rp.revoke(held)
    assert api.introspect(held)["active"]

    api.revoke(held)

    assert not api.introspect(held)["active"]


@pytest.mark.spec("rfc7009 4")
def test_with_the_persons_own_token_goes_what_was_taken_for_it(signed_in, rp, api):
    tokens = rp.sign_in(signed_in)
    held = api.taken(tokens["access_token"])["access_token"]
    again = rp.refresh(tokens["refresh_token"]).json

    rp.revoke(tokens["access_token"])

    assert not api.introspect(held)["active"]
    # Nothing else goes: a refresh is the family's to end.
    assert rp.introspect(again["access_token"])["active"]


@ON_SQLITE
@pytest.mark.spec("rfc8693 §2.2.2")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param({"subject_token": None}, "invalid_request", id="no subject_token"),
        pytest.param({"subject_token": "cfa_unknown"}, "invalid_request", id="an unknown subject_token"),
        pytest.param({"subject_token_type": None}, "invalid_request", id="no subject_token_type"),
        pytest.param(
            {"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"},
            "invalid_request",
            id="an ID Token's type",
        ),
        pytest.param(
            {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
            "invalid_request",
            id="a refresh token is never given",
        ),
        pytest.param(
            {"actor_token": "x", "actor_token_type": TYPE}, "invalid_request", id="an actor of another kind"
        ),
        pytest.param({"scope": "openid address"}, "invalid_scope", id="a scope that the token has not"),
        pytest.param({"scope": "openid phone"}, "invalid_scope", id="a scope that the service may not have"),
        pytest.param({"resource": "https://unknown.test/"}, "invalid_target", id="an unknown resource"),
        pytest.param({"audience": "unknown"}, "invalid_target", id="an unknown audience"),
        pytest.param({"resource": "no uri"}, "invalid_target", id="a malformed resource"),
    ],
)
def test_a_bad_request_gets_the_specified_error(signed_in, rp, api, changes, error):
    tokens = rp.sign_in(signed_in, scope="openid profile phone")

    response = api.post(
        "/token",
        **(
            {
                "grant_type": TOKEN_EXCHANGE,
                "subject_token": tokens["access_token"],
                "subject_token_type": TYPE,
            }
            | changes
        ),
    )

    assert (response.status_code, response.json["error"]) == (400, error)


@ON_SQLITE
@pytest.mark.parametrize(
    ("made", "error"),
    [
        pytest.param({"of": ()}, "invalid_request", id="the operator lets it act for no person"),
        pytest.param({"of": ("green",)}, "invalid_request", id="the operator lets it act for others' people"),
        pytest.param({"grant_types": ["client_credentials"]}, "unauthorized_client", id="no such grant type"),
    ],
)
def test_whose_tokens_a_service_may_exchange_is_the_operators_to_say(app, signed_in, rp, made, error):
    service = Service(app, **made)

    assert service.take(rp.sign_in(signed_in)["access_token"]).json["error"] == error


@ON_SQLITE
def test_other_kinds_of_tokens_are_no_subject(app, signed_in, rp, api):
    tokens = rp.sign_in(signed_in)
    robot = RelyingParty(app, "robot", grant_types=["client_credentials"], redirect_uris=[], scope="jobs")
    alone = robot.post("/token", grant_type="client_credentials").json["access_token"]
    service = Service(app, "second", of=("red", "robot", "api"))
    held = api.taken(tokens["access_token"])["access_token"]

    for subject in (tokens["refresh_token"], tokens["id_token"], alone, held, "x" * 8000):
        assert service.take(subject).json["error"] == "invalid_request"


@ON_SQLITE
def test_a_service_proves_itself(api, signed_in, rp):
    tokens = rp.sign_in(signed_in)
    asked = {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token": tokens["access_token"],
        "subject_token_type": TYPE,
    }

    unproven = api.http.post("/token", data=asked | {"client_id": "api"})
    wrong = api.http.post("/token", data=asked, auth=("api", "wrong"))

    assert (unproven.json["error"], wrong.json["error"]) == ("invalid_client", "invalid_client")


@ON_SQLITE
def test_the_account_scope_is_not_passed_on_to_a_third_partys_service(app, signed_in):
    phone = RelyingParty(app, "phone", scope="openid account", application_type="native",
                         redirect_uris=["http://127.0.0.1/cb"])  # fmt: skip
    tokens = phone.sign_in(signed_in, scope="openid account")
    third = Service(app, of=("phone",), scope="openid account", first_party=False)
    own = Service(app, "own", of=("phone",), scope="openid account")

    assert third.taken(tokens["access_token"])["scope"] == "openid"
    assert third.take(tokens["access_token"], scope="account").json["error"] == "invalid_scope"
    held = own.taken(tokens["access_token"], scope="account")["access_token"]
    sessions = own.http.get("/account/sessions", headers={"Authorization": f"Bearer {held}"})
    assert sessions.status_code == 200


def test_the_exchange_keeps_its_budget(signed_in, rp, api, statements):
    tokens = rp.sign_in(signed_in)

    with statements() as seen:
        api.taken(tokens["access_token"])

    assert len(seen) <= 6, seen


@ON_SQLITE
def test_what_the_operator_says_holds_at_once(app, signed_in, rp):
    service, tokens = Service(app, of=()), rp.sign_in(signed_in)
    assert service.take(tokens["access_token"]).status_code == 400

    run_curfew("client", "update", "api", "--may-exchange-tokens-of", "red,green")
    held = service.taken(tokens["access_token"])["access_token"]

    run_curfew("client", "update", "api", "--may-exchange-tokens-of", "")
    assert service.take(tokens["access_token"]).status_code == 400
    assert not service.introspect(held)["active"]

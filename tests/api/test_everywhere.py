"""Sign out everywhere by the person's own app."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from provider.audit.models import AuditEvent
from provider.infrastructure import current
from provider.infrastructure.database import db, transaction
from provider.logout.end_session import end
from provider.logout.models import Logout, LogoutReason
from provider.logout.steps import Cause
from provider.sessions.models import Session
from provider.sessions.queries import find_live
from tests.api.conftest import SCOPE, AccountApp
from tests.factories import make_client, make_session
from tests.support.browsers import show_session
from tests.support.prover import Prover
from tests.support.reads import end_read
from tests.support.relying_party import VERIFIER

BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")


def logouts() -> int:
    end_read()
    return db.session.scalar(select(func.count()).select_from(Logout)) or 0


def test_it_ends_everything_of_the_person_and_says_what(rp, ada, ben, tokens):
    made = make_session(ada, [make_client("green")], offline=("green",))
    bens = make_session(ben)

    response = rp.sign_out_everywhere(tokens["access_token"])

    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    body = response.json
    logout = db.session.scalars(select(Logout)).one()
    assert body == {
        "logout_id": str(logout.id),
        "at": body["at"],
        "sessions_ended": 2,
        "grants_revoked": 2,
        "refresh_tokens_revoked": 1,
        "apps_to_notify": [
            {"client_id": "green", "name": "Green"},
            {"client_id": "red", "name": "Red"},
        ],
    }
    assert (logout.reason, logout.scope, logout.initiator) == ("user", "everywhere", "account")
    assert logout.initiator_client_id == "red"
    assert find_live(made.handle) is None
    assert find_live(bens.handle) is not None
    assert rp.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    assert not rp.introspect(tokens["access_token"])["active"]


def test_the_refresh_token_does_once_the_access_token_has_expired(http, rp, ada, turned_clock):
    tokens = rp.sign_in_to_account(show_session(http, make_session(ada)))
    turned_clock.turn(current.settings().access_token_lifetime / 2)
    # A person is still at the browser, so the session lives on.
    rp.code(http)
    turned_clock.turn(current.settings().access_token_lifetime / 2)

    expired = rp.sign_out_everywhere(tokens["access_token"])
    response = rp.sign_out_by_refresh_token(tokens["refresh_token"])

    assert expired.json["code"] == 9002
    assert (response.status_code, response.json["sessions_ended"]) == (200, 1)


def test_the_refresh_token_does_in_the_clients_hands(app, rp, tokens):
    response = rp.sign_out_by_refresh_token(tokens["refresh_token"])

    assert response.status_code == 200
    assert response.json["refresh_tokens_revoked"] == 1
    assert not rp.introspect(tokens["access_token"])["active"]


def test_a_native_apps_offline_token_does_long_after(app, http, ada, turned_clock):
    phone = native(app)
    tokens = offline_tokens(phone, http, ada)
    turned_clock.turn(timedelta(days=3))

    response = phone.sign_out_by_refresh_token(tokens["refresh_token"])

    assert (response.status_code, response.json["grants_revoked"]) == (200, 1)
    assert phone.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"


@pytest.mark.spec("rfc9449 2")
def test_a_refresh_token_with_a_key_does_nothing_without_it(app, http, ada):
    phone, ours, thiefs = native(app), Prover(), Prover()
    show_session(http, make_session(ada))
    code = phone.code(http, scope="openid offline_access account")
    exchange = {"grant_type": "authorization_code", "code": code, "redirect_uri": phone.redirect_uri}
    form = {"client_id": "phone", "code_verifier": VERIFIER} | exchange
    tokens = phone.http.post("/token", data=form, headers={"DPoP": ours.proof()}).json
    path = "/account/sign-out-everywhere"

    def ask(**headers):
        form = {"client_id": "phone", "refresh_token": tokens["refresh_token"]}
        return phone.http.post(path, data=form, headers=headers)

    for refused in (ask(), ask(DPoP=thiefs.proof(path))):
        assert (refused.status_code, refused.json["code"]) == (401, 9002)
    assert ask(DPoP=ours.proof("/token")).json["error"] == "invalid_dpop_proof"
    proof = ours.proof(path)
    assert ask(DPoP=proof).status_code == 200
    assert ask(DPoP=proof).json["error"] == "invalid_dpop_proof"


def native(app) -> AccountApp:
    return AccountApp(
        app,
        "phone",
        scope=SCOPE,
        public=True,
        application_type="native",
        redirect_uris=["http://127.0.0.1/callback"],
        id_token_signed_response_alg="ES256",
    )


def offline_tokens(phone, http, ada) -> dict:
    show_session(http, make_session(ada))
    return phone.sign_in(http, scope="openid offline_access account")


@pytest.mark.parametrize("first", ["access", "refresh"])
@pytest.mark.parametrize("second", ["access", "refresh"])
def test_a_repeated_request_gets_the_same_response_and_ends_nothing_more(
    rp, ada, tokens, signs_in, first, second
):
    """The response may have been lost on its way: a retry with the token that is dead now must not fail."""
    ask = {
        "access": lambda: rp.sign_out_everywhere(tokens["access_token"]),
        "refresh": lambda: rp.sign_out_by_refresh_token(tokens["refresh_token"]),
    }
    before = ask[first]()
    again = signs_in(ada)

    after = ask[second]()

    assert (after.status_code, after.json) == (200, before.json)
    assert logouts() == 1
    assert rp.introspect(again["access_token"])["active"]


def test_a_retry_from_another_device_that_was_signed_out_too(rp, ada, signs_in):
    one, two = signs_in(ada), signs_in(ada)

    first, second = (rp.sign_out_everywhere(tokens["access_token"]) for tokens in (one, two))

    assert first.json == second.json
    assert logouts() == 1


def test_a_revocation_after_it_does_not_change_the_response(rp, tokens):
    first = rp.sign_out_everywhere(tokens["access_token"]).json
    rp.revoke(tokens["refresh_token"])
    rp.revoke(tokens["access_token"])

    assert rp.sign_out_everywhere(tokens["access_token"]).json == first


def test_a_token_that_died_before_is_no_proof(rp, ada, signs_in, turned_clock):
    revoked, living = signs_in(ada), signs_in(ada)
    rp.revoke(revoked["access_token"])
    turned_clock.turn(timedelta(minutes=1))
    rp.sign_out_everywhere(living["access_token"])

    assert rp.sign_out_everywhere(revoked["access_token"]).json["code"] == 9002


def test_a_token_whose_session_ended_by_itself_is_no_proof(rp, tokens):
    with transaction():
        end(db.session.scalars(select(Session)).one(), BY_ADA)

    for response in (
        rp.sign_out_everywhere(tokens["access_token"]),
        rp.sign_out_by_refresh_token(tokens["refresh_token"]),
    ):
        assert (response.status_code, response.json["code"]) == (401, 9002)
    assert logouts() == 1


@pytest.mark.parametrize(
    ("ask", "error", "code"),
    [
        pytest.param(
            lambda rp, t: rp.sign_out_by_refresh_token("cfr_x"), "invalid_token", 9002, id="unknown"
        ),
        pytest.param(
            lambda rp, t: rp.sign_out_by_refresh_token(t["refresh_token"], by="green"),
            "invalid_token",
            9002,
            id="another client's",
        ),
        pytest.param(
            lambda rp, t: rp.call(
                "POST", "/account/sign-out-everywhere", data={"refresh_token": t["refresh_token"]}
            ),
            "invalid_client",
            9000,
            id="without a token",
        ),
        pytest.param(
            lambda rp, t: rp.http.post(
                "/account/sign-out-everywhere",
                data={"refresh_token": t["refresh_token"]},
                auth=("red", "wrong"),
            ),
            "invalid_client",
            9000,
            id="with a wrong secret",
        ),
        pytest.param(
            lambda rp, t: rp.sign_out_everywhere(
                t["access_token"], data={"refresh_token": t["refresh_token"]}
            ),
            "invalid_request",
            9000,
            id="two proofs",
        ),
        pytest.param(
            lambda rp, t: rp.call("POST", "/account/sign-out-everywhere?refresh_token=x"),
            "invalid_request",
            9000,
            id="in the address",
        ),
        pytest.param(lambda rp, t: rp.post("/account/sign-out-everywhere"), "missing_token", 9001, id="none"),
        pytest.param(
            lambda rp, t: rp.sign_out_everywhere(t["access_token"], json={}),
            "invalid_request",
            9000,
            id="JSON",
        ),
    ],
)
def test_a_proof_that_is_none_ends_nothing(rp, tokens, ask, error, code):
    make_client("green", scope=SCOPE)

    response = ask(rp, tokens)

    assert (response.json["error"], response.json["code"]) == (error, code)
    assert logouts() == 0


def test_a_rotated_refresh_token_is_no_proof(rp, tokens):
    newer = rp.refresh(tokens["refresh_token"]).json

    assert rp.sign_out_by_refresh_token(tokens["refresh_token"]).json["code"] == 9002
    assert rp.introspect(newer["access_token"])["active"]


def test_a_refresh_token_without_the_scope_is_no_proof(http, rp, ada):
    show_session(http, make_session(ada))
    tokens = rp.sign_in(http, scope="openid")

    assert rp.sign_out_by_refresh_token(tokens["refresh_token"]).status_code == 403
    assert logouts() == 0


def test_it_is_audited_with_who_asked(rp, ada, token):
    rp.sign_out_everywhere(token)

    entry = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "logout")).one()
    assert (entry.actor, entry.account_id, entry.client_id) == ("account", ada.id, "red")
    assert entry.ip == "127.0.0.1"
    assert entry.detail["scope"] == "everywhere"


@pytest.mark.parametrize("ask", ["preview", "sign_out_everywhere"])
def test_both_cost_the_same_however_much_there_is(rp, ada, ben, signs_in, statements, ask):
    """Ben has one session, Ada has nine with twelve apps."""
    few, many = signs_in(ben)["access_token"], signs_in(ada)["access_token"]
    apps = [make_client(f"app{number}") for number in range(12)]
    for _ in range(8):
        make_session(ada, apps, offline=("app1", "app2"))

    with statements() as seen_few:
        getattr(rp, ask)(few)
    with statements() as seen_many:
        assert getattr(rp, ask)(many).status_code == 200

    assert len(seen_few) == len(seen_many) <= {"preview": 7, "sign_out_everywhere": 16}[ask], seen_many

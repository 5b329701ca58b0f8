"""`/device-authorization` and the polls at `/token` as a device sees them."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.infrastructure import clock
from provider.infrastructure.database import db
from provider.protocol.grant_types import DEVICE_CODE
from provider.sessions.models import ClientSession, Session
from provider.tokens.device_models import DeviceCode
from tests.endpoints.test_token import claims_of, only
from tests.factories import make_session
from tests.support.browsers import ISSUER
from tests.support.device import Device, answer
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def tv(app):
    return Device(app)


@pytest.fixture
def made(ada):
    """Ada's browser session, in which she answers."""
    return make_session(ada)


def device_session() -> Session:
    end_read()
    found = select(Session).where(Session.is_device)
    return db.session.scalars(found, execution_options={"populate_existing": True}).one()


@pytest.mark.spec("rfc8628 1")
def test_a_device_learns_what_to_show_and_how_often_to_ask(tv):
    response = tv.ask()

    body = response.json
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", body["user_code"])
    assert body["verification_uri"] == f"{ISSUER}/device"
    assert body["verification_uri_complete"] == f"{ISSUER}/device?user_code={body['user_code']}"
    assert (body["expires_in"], body["interval"]) == (600, 5)
    assert (body["device_code"][:4], len(body["device_code"])) == ("cfd_", 47)


@pytest.mark.spec("rfc8628 1")
def test_neither_code_is_stored(tv):
    begun = tv.begin()

    row = only(DeviceCode)

    assert {begun["device_code"], begun["user_code"], begun["user_code"].replace("-", "")}.isdisjoint(
        {row.digest, row.user_code_digest}
    )
    assert len(row.digest) == len(row.user_code_digest) == 64


@ON_SQLITE
@pytest.mark.spec("rfc8628 1")
@pytest.mark.parametrize(
    ("made_with", "asked", "status", "error"),
    [
        pytest.param({"grant_types": ["client_credentials"], "public": False, "redirect_uris": []}, {}, 400,
                     "unauthorized_client", id="a client without the grant type"),
        pytest.param({}, {"scope": None}, 400, "invalid_scope", id="no scope"),
        pytest.param({}, {"scope": "unheard-of"}, 400, "invalid_scope", id="a scope that it may not have"),
        pytest.param({"scope": "global_token_revocation"}, {"scope": "global_token_revocation"}, 400,
                     "invalid_scope", id="a scope that no person can grant"),
        pytest.param({"application_type": "web", "scope": "account"}, {"scope": "account"}, 400,
                     "invalid_scope", id="the account scope of a third party's server"),
        pytest.param({"public": False}, {"client_secret": "wrong"}, 400, "invalid_request", id="two proofs"),
        pytest.param({}, {"client_id": "nobody"}, 401, "invalid_client", id="an unknown client"),
        pytest.param({}, {"resource": "not a uri#"}, 400, "invalid_target", id="a malformed resource"),
    ],
)  # fmt: skip
def test_a_bad_request_gets_the_specified_error(app, made_with, asked, status, error):
    response = Device(app, **made_with).ask(**asked)

    assert (response.status_code, response.json["error"]) == (status, error)
    end_read()
    assert db.session.scalars(select(DeviceCode)).all() == []


@ON_SQLITE
def test_a_repeated_parameter_and_one_in_the_address_are_refused(tv):
    repeated = tv.http.post("/device-authorization", data={"client_id": ["tv", "tv"], "scope": "openid"})
    in_address = tv.http.post("/device-authorization?client_id=tv", data={"scope": "openid"})
    by_get = tv.http.get("/device-authorization")

    assert (repeated.json["error"], in_address.json["error"]) == ("invalid_request", "invalid_request")
    assert by_get.status_code == 405


class TestLimits:
    @pytest.fixture
    def settings(self, settings):
        return replace(settings, device_request_limit_address="3 per minute")

    @ON_SQLITE
    def test_an_address_cannot_fill_the_table(self, tv):
        responses = [tv.ask() for _ in range(5)]

        assert [response.status_code for response in responses] == [200, 200, 200, 429, 429]
        assert responses[-1].headers["Retry-After"] == "60"
        assert responses[-1].json["error"] == "temporarily_unavailable"


@pytest.mark.spec("rfc8628 1")
def test_a_device_waits_for_an_answer(tv, made, turned_clock):
    begun = tv.begin()
    assert tv.poll(begun["device_code"]).json["error"] == "authorization_pending"
    assert answer(begun["user_code"], made)

    # An approved device need not wait for the interval to be over.
    response = tv.poll(begun["device_code"])

    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert response.json["scope"] == "openid profile offline_access"
    assert {"access_token", "refresh_token", "id_token", "expires_in", "token_type"} <= set(response.json)


@ON_SQLITE
@pytest.mark.spec("rfc8628 1")
def test_asking_too_often_makes_the_device_wait_five_seconds_longer_for_ever(tv, turned_clock):
    code = tv.begin()["device_code"]

    def poll_after(seconds: int) -> str:
        turned_clock.turn(timedelta(seconds=seconds))
        return tv.poll(code).json["error"]

    waited = [(0, "authorization_pending"), (4, "slow_down"), (9, "slow_down")]
    waited += [(15, "authorization_pending"), (14, "slow_down"), (20, "authorization_pending")]
    assert [(seconds, poll_after(seconds)) for seconds, _ in waited] == waited


@pytest.mark.spec("rfc8628 1")
def test_a_refusal_and_an_expired_code_are_reported(tv, made, turned_clock):
    denied, expired = tv.begin(), tv.begin()
    assert answer(denied["user_code"], made, allow=False)

    refused = tv.poll(denied["device_code"])
    turned_clock.turn(timedelta(minutes=10))
    late = tv.poll(expired["device_code"])

    assert (refused.status_code, refused.json["error"]) == (400, "access_denied")
    assert (late.status_code, late.json["error"]) == (400, "expired_token")
    assert not answer(expired["user_code"], made)


def test_the_first_answer_counts(tv, made):
    begun = tv.begin()
    assert answer(begun["user_code"], made, allow=False)

    assert not answer(begun["user_code"], made)
    assert tv.poll(begun["device_code"]).json["error"] == "access_denied"


def test_a_device_code_works_once(tv, made):
    begun = tv.begin()
    answer(begun["user_code"], made)
    tokens = tv.poll(begun["device_code"]).json

    again = tv.poll(begun["device_code"])

    assert (again.status_code, again.json["error"]) == (400, "invalid_grant")
    # rfc8628 §3.5: a device asks again when a response was lost; that is no theft.
    assert tv.userinfo(tokens["access_token"]).status_code == 200


@ON_SQLITE
@pytest.mark.spec("rfc8628 1")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param({"device_code": None}, "invalid_request", id="no device code"),
        pytest.param({"device_code": "cfd_unknown"}, "invalid_grant", id="an unknown device code"),
        pytest.param({"client_id": "other"}, "invalid_grant", id="another client's device code"),
        pytest.param({"client_id": "plain"}, "unauthorized_client", id="a client without the grant type"),
    ],
)
def test_a_bad_poll_changes_nothing(app, tv, made, changes, error):
    Device(app, "other")
    RelyingParty(app, "plain", public=True)
    begun = tv.begin()
    answer(begun["user_code"], made)

    response = tv.poll(begun["device_code"], **changes)

    assert (response.status_code, response.json["error"]) == (400, error)
    assert tv.poll(begun["device_code"]).status_code == 200


def test_the_user_code_is_nothing_to_poll_with(tv, made):
    begun = tv.begin()
    answer(begun["user_code"], made)

    assert tv.poll(begun["user_code"]).json["error"] == "invalid_grant"


def test_a_device_has_a_session_of_its_own_with_the_persons_sign_in(tv, made, ada):
    tokens = tv.sign_in_by(made)

    _header, claims = claims_of(tv, tokens["id_token"])
    session, client_session = device_session(), only(ClientSession)
    assert session.id != made.session.id
    assert (session.account_id, session.device) == (ada.id, "Werkzeug")
    assert session.authenticated_at == made.session.authenticated_at
    assert (claims["sub"], claims["aud"], claims["sid"]) == (ada.sub, "tv", client_session.sid)
    assert (claims["auth_time"], claims["amr"]) == (int(made.session.authenticated_at.timestamp()), ["pwd"])


@pytest.mark.parametrize(
    ("scope", "lives_for"),
    [
        pytest.param("openid", timedelta(hours=24), id="as long as any session"),
        pytest.param("openid offline_access", timedelta(days=180), id="with offline_access: as a grant"),
    ],
)
@ON_SQLITE
def test_how_long_a_device_stays_signed_in(tv, made, turned_clock, scope, lives_for):
    tokens = tv.sign_in_by(made, scope=scope)

    session = device_session()
    assert session.expires_at == session.ends_at == clock.now() + lives_for
    # A device has no pages that a person visits, so nothing of it is idle.
    turned_clock.turn(timedelta(hours=3))
    assert tv.refresh(tokens["refresh_token"]).status_code == 200


def test_polling_and_signing_in_keep_their_budgets(tv, made, statements):
    begun = tv.begin()
    with statements() as pending:
        tv.poll(begun["device_code"])
    answer(begun["user_code"], made)
    with statements() as exchange:
        assert tv.poll(begun["device_code"]).status_code == 200

    assert len(pending) <= 3, pending
    assert len(exchange) <= 12, exchange


def test_the_grant_is_discoverable(tv):
    metadata = tv.http.get("/.well-known/openid-configuration").json

    assert metadata["device_authorization_endpoint"] == f"{ISSUER}/device-authorization"
    assert DEVICE_CODE in metadata["grant_types_supported"]


def test_no_code_is_ever_logged_or_audited(tv, made, caplog):
    """INV-13, also for what a person types."""
    caplog.set_level("DEBUG")
    begun = tv.begin()
    tv.poll(begun["device_code"])
    tv.poll("cfd_canary-of-forty-three-letters-or-something")
    answer(begun["user_code"], made)
    tokens = tv.poll(begun["device_code"]).json
    tv.poll(begun["device_code"])

    audit = str([event.detail for event in db.session.scalars(select(AuditEvent))])
    secrets = [begun["device_code"], begun["user_code"], begun["user_code"].replace("-", ""), "canary"]
    for secret in [*secrets, tokens["access_token"], tokens["refresh_token"]]:
        assert secret not in caplog.text + audit

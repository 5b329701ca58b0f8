"""The row of each token, code and device code that is issued: every column."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import inspect, select

from provider.clients.models import Resource
from provider.infrastructure import clock, current
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import digest_of, new_id
from provider.protocol.errors import InvalidTarget
from provider.tokens import access, codes, proofs
from provider.tokens.id_token import SignIn
from provider.tokens.models import AccessToken, AuthorizationCode
from tests.factories import make_client
from tests.support.reads import end_read

BOUND = {"jkt": "a-thumbprint"}
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def standing_clock(app, turned_clock):
    return turned_clock


def resource(name: str, **values: Any) -> Resource:
    usual = {"identifier": f"https://{name}.test", "scopes": "read write", "access_token_format": "opaque"}
    return Resource(id=new_id(), name=name, **usual | values)


def row_of(model: type, digest: str) -> dict[str, Any]:
    end_read()
    row = db.session.scalars(
        select(model).where(model.digest == digest), execution_options={"populate_existing": True}
    ).one()
    return {column.key: getattr(row, column.key) for column in inspect(row).mapper.column_attrs}


class TestAnAccessToken:
    def test_of_a_person(self, of, made, red):
        family = new_id()
        with transaction():
            handle, token = access.issue_for_grant(
                *of,
                scope="openid read",
                family_id=family,
                offline=True,
                resources=[resource("a"), resource("b")],
                cnf=BOUND,
                claims=("email",),
            )

        now = clock.now()
        assert handle.startswith("cfa_")
        assert row_of(AccessToken, digest_of(handle)) == {
            "id": token.id,
            "digest": digest_of(handle),
            "client_id": red.id,
            "grant_id": made.grants["red"].id,
            "client_session_id": made.client_sessions["red"].id,
            "family_id": family,
            "scope": "read",
            "offline": True,
            "audience": ["https://a.test", "https://b.test"],
            "claims": ["email"],
            "cnf": BOUND,
            "auth_time": made.session.authenticated_at,
            "acr": "an-acr",
            "amr": "pwd otp",
            "client_epoch": 7,
            "provider_epoch": 5,
            "created_at": now,
            "expires_at": now + current.settings().access_token_lifetime,
            "revoked_at": None,
            "is_signed": False,
            "actor_id": None,
            "actor_epoch": None,
            "credentials_epoch": None,
        }

    def test_that_a_service_takes_in_exchange(self, of, red):
        api = make_client("api")
        with transaction():
            api.epoch, api.credentials_epoch = 3, 4
        about = SignIn(auth_time=clock.now() - HOUR, amr="otp", acr=None)
        with transaction():
            handle, _ = access.issue_for_grant(
                *of, scope="openid", family_id=new_id(), offline=False, actor=api, sign_in=about
            )

        row = row_of(AccessToken, digest_of(handle))
        assert (row["client_id"], row["client_epoch"]) == (red.id, 7)
        assert (row["actor_id"], row["actor_epoch"], row["credentials_epoch"]) == (api.id, 3, 4)
        assert (row["auth_time"], row["amr"], row["acr"]) == (clock.now() - HOUR, "otp", None)
        assert (row["scope"], row["offline"], row["audience"]) == ("openid", False, None)
        assert (row["claims"], row["cnf"]) == (None, None)

    @pytest.mark.parametrize(
        ("offline", "shorter", "by"),
        [
            pytest.param(True, "grant", "grant", id="its grant"),
            pytest.param(False, "grant", "grant", id="its grant, though it needs its session too"),
            pytest.param(False, "session", "session", id="its session"),
            pytest.param(True, "session", "usual", id="not its session when it outlives that"),
            pytest.param(True, "not_after", "not_after", id="what it was taken from"),
        ],
    )
    def test_ends_with_what_it_hangs_on(self, of, made, offline, shorter, by):
        minute = clock.now() + timedelta(minutes=1)
        with transaction():
            if shorter != "not_after":
                (made.grants["red"] if shorter == "grant" else made.session).expires_at = minute
        with transaction():
            _, token = access.issue_for_grant(
                *of,
                scope="openid",
                family_id=new_id(),
                offline=offline,
                not_after=minute if shorter == "not_after" else None,
            )

        usual = clock.now() + current.settings().access_token_lifetime
        assert token.expires_at == (usual if by == "usual" else minute)

    @pytest.mark.parametrize(("offline", "ends_with"), [(True, "grant"), (False, "session")])
    def test_lasts_as_long_as_what_it_hangs_on_if_it_is_to(self, of, made, offline, ends_with):
        about = {"scope": "openid", "family_id": new_id(), "offline": offline}
        with transaction():
            _, lasting = access.issue_for_grant(*of, **about, lasting=True)
            _, usual = access.issue_for_grant(*of, **about)

        assert lasting.expires_at == (made.grants["red"] if ends_with == "grant" else made.session).expires_at
        assert usual.expires_at == clock.now() + current.settings().access_token_lifetime

    def test_of_a_client_for_itself(self, red):
        with transaction():
            red.epoch, red.credentials_epoch = 7, 2
        with transaction():
            handle, token = access.issue_for_client(
                red, scope="read jobs", resources=[resource("a")], cnf=BOUND
            )
            plain, plainly = access.issue_for_client(red, scope="jobs", not_after=clock.now() + timedelta(1))

        now = clock.now()
        of_a_person = ("grant_id", "client_session_id", "family_id", "claims", "auth_time", "acr", "amr")
        nothing = dict.fromkeys((*of_a_person, "revoked_at", "actor_id", "actor_epoch", "offline"))
        assert row_of(AccessToken, digest_of(handle)) == nothing | {
            "id": token.id,
            "digest": digest_of(handle),
            "client_id": red.id,
            "scope": "read",
            "audience": ["https://a.test"],
            "cnf": BOUND,
            "client_epoch": 7,
            "credentials_epoch": 2,
            "provider_epoch": 0,
            "created_at": now,
            "expires_at": now + current.settings().access_token_lifetime,
            "is_signed": False,
        }
        row = row_of(AccessToken, digest_of(plain))
        assert (row["scope"], row["audience"], row["cnf"]) == ("jobs", None, None)
        assert plainly.expires_at == token.expires_at
        with transaction():
            _, brief = access.issue_for_client(red, scope="jobs", not_after=now + timedelta(minutes=1))
        assert brief.expires_at == now + timedelta(minutes=1)


class TestItsForm:
    def test_is_that_of_its_servers_with_the_shortest_lifetime(self, red):
        lifetimes = (timedelta(minutes=5), timedelta(minutes=3))
        servers = [resource(str(n), access_token_lifetime=one) for n, one in enumerate(lifetimes)]

        assert access.form_of(red, servers) == access.TokenForm(None, timedelta(minutes=3))
        assert access.form_of(red, []) == access.TokenForm(None, current.settings().access_token_lifetime)
        signed = [resource("a", access_token_format="jwt")]
        usual = current.settings().jwt_access_token_lifetime
        assert access.form_of(red, signed) == access.TokenForm("RS256", usual)
        by_es256 = [resource("a", access_token_format="jwt", access_token_signing_alg="ES256")]
        assert access.form_of(red, by_es256) == access.TokenForm("ES256", usual)

    def test_of_a_client_that_asked_for_signed_ones(self):
        green = make_client("green", access_token_format="jwt")

        usual = current.settings().jwt_access_token_lifetime
        assert access.form_of(green, []) == access.TokenForm("RS256", usual)

    @pytest.mark.parametrize(
        "other", [{"access_token_format": "jwt"}, {"scopes": "read"}], ids=["format", "scopes"]
    )
    def test_is_refused_where_its_servers_need_different_ones(self, red, other):
        with pytest.raises(InvalidTarget):
            access.form_of(red, [resource("a"), resource("b", **other)])


def test_a_code(of, made, red):
    code_id = new_id()
    with transaction():
        handle = codes.issue(
            *of,
            code_id=code_id,
            redirect_uri="https://red.test/callback",
            scope="openid",
            nonce="a-nonce",
            code_challenge="a-challenge",
            about_tokens={"resources": ["https://a.test"]},
        )

    now = clock.now()
    assert row_of(AuthorizationCode, digest_of(handle)) == {
        "id": code_id,
        "digest": digest_of(handle),
        "grant_id": made.grants["red"].id,
        "client_session_id": made.client_sessions["red"].id,
        "client_id": red.id,
        "redirect_uri": "https://red.test/callback",
        "scope": "openid",
        "nonce": "a-nonce",
        "code_challenge": "a-challenge",
        "request": {
            "auth_time": made.session.authenticated_at.timestamp(),
            "amr": "pwd otp",
            "acr": "an-acr",
            "resources": ["https://a.test"],
        },
        "created_at": now,
        "expires_at": now + current.settings().code_lifetime,
        "used_at": None,
    }


def test_a_code_is_used_once_and_by_itself(of):
    about = {"redirect_uri": "", "scope": "openid", "nonce": None, "code_challenge": None}
    with transaction():
        for _ in range(2):
            codes.issue(*of, code_id=new_id(), **about)
    first, second = db.session.scalars(select(AuthorizationCode).order_by(AuthorizationCode.id))

    with transaction():
        assert codes.use(first)
        assert not codes.use(first)

    end_read()
    for one in (first, second):
        db.session.refresh(one)
    assert (first.used_at, second.used_at) == (clock.now(), None)


def test_a_proof_is_used_once_for_each_key():
    ends = clock.now() + HOUR
    with transaction():
        assert proofs.use_once("a" * 43, "one", ends)
        assert not proofs.use_once("a" * 43, "one", ends)
        assert proofs.use_once("b" * 43, "one", ends)
        assert proofs.use_once("a" * 43, "two", ends)

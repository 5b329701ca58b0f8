"""The claims of signed tokens, each by its name and nothing beside them (core §2, rfc9068 §2.2)."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from provider.clients.models import Resource
from provider.infrastructure import clock, current
from provider.infrastructure.database import transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.tokens import access, id_token
from provider.tokens.id_token import SignIn
from tests.factories import make_client, make_session

pytestmark = pytest.mark.usefixtures("turned_clock", "signing_keys")

MINUTE = timedelta(minutes=1)


def part(token: str, number: int) -> dict[str, Any]:
    one = token.split(".")[number]
    return json.loads(base64.urlsafe_b64decode(one + "=" * (-len(one) % 4)))


def signed_by(*names: str) -> list[Resource]:
    about = {"scopes": "read write", "access_token_format": "jwt"}
    return [Resource(id=new_id(), identifier=f"https://{name}.test", name=name, **about) for name in names]


@pytest.fixture
def made(ada, red):
    made = make_session(ada, [red])
    with transaction():
        made.session.amr, made.session.acr = "pwd otp", "an-acr"
    return made


@pytest.fixture
def of(made, red):
    return red, made.grants["red"], made.client_sessions["red"], made.session


def seconds(instant) -> int:
    return int(instant.timestamp())


class TestASignedAccessToken:
    def test_of_a_person(self, of, made):
        with transaction():
            handle, token = access.issue_for_grant(
                *of,
                scope="openid read",
                family_id=new_id(),
                offline=False,
                resources=signed_by("a"),
                cnf={"jkt": "a-thumbprint"},
            )

        assert part(handle, 0)["typ"] == "at+jwt"
        assert part(handle, 1) == {
            "iss": current.settings().issuer,
            "sub": made.grants["red"].sub,
            "aud": "https://a.test",
            "client_id": "red",
            "iat": seconds(clock.now()),
            "exp": seconds(clock.now() + current.settings().jwt_access_token_lifetime),
            "jti": token.id.hex,
            "scope": "read",
            "auth_time": seconds(made.session.authenticated_at),
            "acr": "an-acr",
            "amr": ["pwd", "otp"],
            "sid": made.client_sessions["red"].sid,
            "cnf": {"jkt": "a-thumbprint"},
        }
        assert token.is_signed

    def test_that_a_service_takes_in_exchange(self, of, made):
        api = make_client("api")
        with transaction():
            handle, _ = access.issue_for_grant(
                *of,
                scope="read",
                family_id=new_id(),
                offline=False,
                resources=signed_by("a", "b"),
                actor=api,
                sign_in=SignIn(auth_time=clock.now(), amr="", acr=None),
            )

        claims = part(handle, 1)
        assert (claims["client_id"], claims["act"]) == ("api", {"sub": "api"})
        assert (claims["sub"], claims["aud"]) == (
            made.grants["red"].sub,
            ["https://a.test", "https://b.test"],
        )
        assert not {"amr", "acr"} & claims.keys()

    def test_of_a_client_for_itself(self, red):
        with transaction():
            handle, _ = access.issue_for_client(red, scope="", resources=signed_by("a"))

        assert part(handle, 1).keys() == {"iss", "sub", "aud", "client_id", "iat", "exp", "jti"}
        assert part(handle, 1)["sub"] == "red"

    def test_for_no_server_in_particular_is_for_the_provider(self):
        green = make_client("green", access_token_format="jwt")
        with transaction():
            handle, _ = access.issue_for_client(green, scope="jobs")

        assert (part(handle, 1)["aud"], part(handle, 1)["scope"]) == (current.settings().issuer, "jobs")


def test_a_token_ends_with_its_grant_whatever_it_was_taken_from(of, made):
    with transaction():
        made.grants["red"].expires_at = clock.now() + MINUTE
    with transaction():
        _, token = access.issue_for_grant(
            *of, scope="read", family_id=new_id(), offline=True, not_after=clock.now() + 2 * MINUTE
        )

    assert token.expires_at == clock.now() + MINUTE


class TestAnIDToken:
    def test_with_all_that_it_may_hold(self, made, red):
        token = id_token.issue(
            red,
            made.grants["red"],
            sid="a-sid",
            sign_in=SignIn(auth_time=clock.now() - MINUTE, amr="pwd otp", acr="an-acr"),
            access_token="cfa_token",
            code="cfc_code",
            nonce="a-nonce",
            about_person={"name": "Ada", "sub": "nobody"},
        )

        assert part(token, 0)["alg"] == "RS256"
        assert part(token, 1) == {
            "iss": current.settings().issuer,
            "sub": made.grants["red"].sub,
            "aud": "red",
            "iat": seconds(clock.now()),
            "exp": seconds(clock.now() + current.settings().id_token_lifetime),
            "auth_time": seconds(clock.now() - MINUTE),
            "sid": "a-sid",
            "amr": ["pwd", "otp"],
            "acr": "an-acr",
            "nonce": "a-nonce",
            "name": "Ada",
            "at_hash": id_token.half_hash("cfa_token", alg="RS256"),
            "c_hash": id_token.half_hash("cfc_code", alg="RS256"),
        }

    def test_with_the_least(self, made, red):
        token = id_token.issue(
            red, made.grants["red"], sid="a-sid", sign_in=SignIn(auth_time=clock.now(), amr="")
        )

        assert part(token, 1).keys() == {"iss", "sub", "aud", "iat", "exp", "auth_time", "sid"}

"""Tokens that are meant for a resource server (rfc8707), and those that are signed (rfc9068)."""

from datetime import timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import select

from provider.clients import resources
from provider.clients.models import TokenFormat
from provider.infrastructure.database import db, transaction
from provider.tokens.models import AccessToken
from tests.factories import make_client
from tests.support.browsers import ISSUER, query_of
from tests.support.prover import Holder
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty, press

ORDERS, FILES, OTHER = "https://orders.test/", "https://files.test/", "https://other.test/"
SCOPE = "openid profile read write"
ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
GRANTS = ["authorization_code", "refresh_token", "client_credentials"]


@pytest.fixture
def servers(app):
    """Two resource servers: orders, which asks about tokens, and files, which believes signed ones."""
    server = make_client("orders")
    with transaction():
        resources.add(ORDERS, scopes=["read", "write"], client=server)
        resources.add(FILES, access_token_format=TokenFormat.JWT, access_token_signing_alg="ES256")


@pytest.fixture
def rp(app, servers):
    return RelyingParty(app, "red", scope=SCOPE, grant_types=GRANTS)


@pytest.fixture
def code(rp, signed_in):
    return query_of(rp.authorize(signed_in, scope=SCOPE, resource=[ORDERS, FILES]))["code"]


def read(rp, token) -> tuple[dict, dict]:
    """Header and claims, verified by the other implementation with the published keys."""
    keys = KeySet.import_key_set(rp.http.get("/jwks").json)
    found = jwt.decode(token, keys, algorithms=["RS256", "ES256"])
    return found.header, found.claims


@pytest.mark.spec("rfc8707 1")
def test_a_token_is_meant_for_the_resource_that_its_request_names(rp, code):
    tokens = rp.exchange(code, resource=ORDERS).json

    said = rp.introspect(tokens["access_token"])
    assert (said["aud"], said["scope"]) == (ORDERS, "read write")
    assert tokens["scope"] == "read write"
    assert "id_token" in tokens


@pytest.mark.spec("rfc8707 1")
def test_a_refresh_may_choose_another_among_the_authorized_ones(rp, code):
    tokens = rp.exchange(code, resource=ORDERS).json

    for_files = rp.refresh(tokens["refresh_token"], resource=FILES).json
    refused = rp.refresh(for_files["refresh_token"], resource=OTHER)

    assert read(rp, for_files["access_token"])[1]["aud"] == FILES
    assert (refused.status_code, refused.json["error"]) == (400, "invalid_target")
    assert rp.refresh(for_files["refresh_token"], resource=ORDERS).status_code == 200


@pytest.mark.spec("rfc8707 1")
@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(OTHER, id="not authorized and not known"),
        pytest.param(f"{ORDERS}x", id="nearly an authorized one"),
        pytest.param([ORDERS, OTHER], id="one of two"),
        pytest.param([ORDERS, FILES], id="two that want tokens of different kinds"),
        pytest.param("orders", id="no URI"),
        pytest.param(f"{ORDERS}#x", id="with a fragment"),
    ],
)
@ONE_DATABASE
def test_another_resource_is_refused_and_the_code_is_as_it_was(rp, code, wanted):
    refused = rp.exchange(code, resource=wanted)

    assert (refused.status_code, refused.json["error"]) == (400, "invalid_target")
    assert rp.exchange(code, resource=ORDERS).status_code == 200


@pytest.mark.spec("rfc9068 2")
@ONE_DATABASE
def test_one_token_is_for_several_resources_that_know_the_same_scopes(rp, signed_in):
    """Otherwise it would be unclear which of its scopes is meant for which resource."""
    with transaction():
        resources.add(OTHER, scopes=["write", "read"], access_token_lifetime=timedelta(minutes=20))
        resources.add("urn:example:more", scopes=["read"])
    everything = [ORDERS, OTHER, "urn:example:more"]
    code = query_of(rp.authorize(signed_in, scope=SCOPE, resource=everything))["code"]

    refused = rp.exchange(code)
    tokens = rp.exchange(code, resource=[ORDERS, OTHER]).json

    assert refused.json["error"] == "invalid_target"
    assert rp.introspect(tokens["access_token"])["aud"] == [ORDERS, OTHER]
    assert (tokens["scope"], tokens["expires_in"]) == ("read write", 1200)


@ONE_DATABASE
def test_what_was_not_asked_for_at_the_authorization_endpoint_comes_from_no_code(rp, signed_in):
    code = rp.code(signed_in, scope=SCOPE)

    assert rp.exchange(code, resource=ORDERS).json["error"] == "invalid_target"
    assert "aud" not in rp.introspect(rp.exchange(code).json["access_token"])


@ONE_DATABASE
def test_a_client_for_itself_names_any_resource_that_is_known(rp):
    def ask(resource):
        return rp.post("/token", grant_type="client_credentials", resource=resource)

    assert rp.introspect(ask(ORDERS).json["access_token"])["aud"] == ORDERS
    assert ask(OTHER).json["error"] == "invalid_target"
    assert ask([f"{ORDERS}{number}" for number in range(11)]).json["error"] == "invalid_target"


@pytest.mark.spec("rfc8707 1")
def test_a_token_for_a_resource_is_of_no_use_elsewhere(app, rp, code):
    token = rp.exchange(code, resource=ORDERS).json["access_token"]
    RelyingParty(app, "green")

    response = rp.userinfo(token)

    assert (response.status_code, response.json["error"]) == (401, "invalid_token")
    assert rp.introspect(token, by="orders")["active"]
    assert rp.introspect(token, by="green") == {"active": False}


@ONE_DATABASE
def test_the_provider_itself_is_a_resource_that_needs_no_registration(rp, code):
    token = rp.exchange(code, resource=ISSUER).json["access_token"]

    assert rp.userinfo(token).status_code == 200
    assert rp.introspect(token)["aud"] == ISSUER


@pytest.mark.spec("rfc9068 1, rfc9470 1")
def test_a_signed_token_says_what_a_resource_server_needs(rp, ada, code, statements):
    with statements() as seen:
        tokens = rp.exchange(code, resource=FILES).json

    header, claims = read(rp, tokens["access_token"])
    known = rp.introspect(tokens["access_token"])
    assert (header["typ"], header["alg"], set(header)) == ("at+jwt", "ES256", {"typ", "alg", "kid"})
    assert (claims["iss"], claims["sub"], claims["aud"]) == (ISSUER, ada.sub, FILES)
    assert (claims["client_id"], claims["scope"], claims["amr"]) == ("red", SCOPE, ["pwd"])
    assert claims["exp"] - claims["iat"] == 300 == tokens["expires_in"]
    same = ("iss", "sub", "aud", "client_id", "iat", "exp", "jti", "scope", "auth_time", "sid", "amr")
    assert {name: known[name] for name in same} == {name: claims[name] for name in same}
    # One more than an opaque token: the resource is looked up.
    assert len(seen) <= 10, seen


@pytest.mark.spec("rfc9068 2")
def test_a_signed_token_is_refused_here_as_soon_as_its_session_ends(app, story, servers):
    story.rp = RelyingParty(app, "green", access_token_format="jwt")
    token = story.rp.sign_in(story.browser)
    assert read(story.rp, token["access_token"])[1]["aud"] == ISSUER
    assert story.lives(token)

    story.end_session()

    assert not story.lives(token)


def test_a_signed_token_can_be_revoked(app, signed_in, servers):
    rp = RelyingParty(app, "green", access_token_format="jwt")
    token = rp.sign_in(signed_in)["access_token"]

    assert rp.revoke(token).status_code == 200

    assert rp.introspect(token) == {"active": False}
    assert rp.userinfo(token).status_code == 401


@ONE_DATABASE
def test_a_signed_token_that_is_not_ours_to_the_letter_is_nothing(app, signed_in, servers):
    """It is looked up by its digest, so nothing that a forger or a lenient parser makes of it is found."""
    rp = RelyingParty(app, "green", access_token_format="jwt")
    token = rp.sign_in(signed_in)["access_token"]
    head, body, signature = token.split(".")

    for other in (
        f"{head}.{body}.",
        f"{token}=",
        f"{token}.",
        f"{head}.{body}.{signature[:-1]}",
        f"{body}.{token}",
    ):
        assert rp.introspect(other) == {"active": False}
        assert rp.userinfo(other).status_code == 401


@ONE_DATABASE
def test_of_a_signed_token_nothing_is_stored_that_could_be_used(app, signed_in, servers):
    rp = RelyingParty(app, "green", access_token_format="jwt")
    token = rp.sign_in(signed_in)["access_token"]

    end_read()
    stored = db.session.scalars(select(AccessToken.digest)).one()
    assert token not in stored
    assert len(stored) == 64


@ONE_DATABASE
def test_a_client_without_a_person_is_its_own_subject(app, servers):
    rp = RelyingParty(app, "green", scope="read", grant_types=["client_credentials"], redirect_uris=[])

    token = rp.post("/token", grant_type="client_credentials", resource=FILES).json["access_token"]

    claims = read(rp, token)[1]
    assert (claims["sub"], claims["client_id"]) == ("green", "green")
    assert not {"sid", "auth_time", "amr"} & set(claims)


@pytest.mark.spec("rfc9449 2")
@ONE_DATABASE
def test_a_signed_token_names_the_key_that_it_is_bound_to(app, signed_in, servers):
    holder = Holder(app, "green", access_token_format="jwt")

    token = holder.sign_in(signed_in)["access_token"]

    assert read(holder, token)[1]["cnf"] == {"jkt": holder.prover.jkt}
    assert holder.userinfo(token).status_code == 200


@pytest.mark.spec("rfc9470 1")
@ONE_DATABASE
def test_a_later_sign_in_does_not_raise_what_an_earlier_token_says(story, turned_clock, servers):
    rp = story.rp
    tokens = rp.sign_in(story.browser, scope=SCOPE)
    before = rp.introspect(tokens["access_token"])
    turned_clock.turn(timedelta(minutes=5))
    story.set(type(story.made.session), authenticated_at=turned_clock(), amr="pwd otp", acr="gold")

    refreshed = rp.introspect(rp.refresh(tokens["refresh_token"]).json["access_token"])
    fresh = rp.introspect(rp.sign_in(story.browser, scope=SCOPE)["access_token"])

    same = ("auth_time", "amr", "acr")
    for said in (rp.introspect(tokens["access_token"]), refreshed):
        assert {name: said[name] for name in same} == {name: before[name] for name in same}
    assert (fresh["acr"], fresh["amr"]) == ("gold", ["pwd", "otp"])
    assert fresh["auth_time"] == before["auth_time"] + 300


@ONE_DATABASE
def test_a_self_registered_app_gets_no_token_for_a_server_that_knows_none_of_its_scopes(
    app, signed_in, servers
):
    """A person agrees to scopes; the name of a server alone would open it without a question."""
    green = RelyingParty(app, "green", first_party=False, scope=SCOPE, grant_types=GRANTS)

    def exchange(resource, scope):
        asked = green.authorize(signed_in, resource=resource, scope=scope, prompt="consent")
        return green.exchange(query_of(press(signed_in, asked, "allow"))["code"])

    for_itself = green.post("/token", grant_type="client_credentials", resource=FILES)
    assert for_itself.json["error"] == "invalid_target"
    assert exchange(FILES, SCOPE).json["error"] == "invalid_target"
    assert exchange(ORDERS, "openid profile").json["error"] == "invalid_target"
    assert exchange(ORDERS, "openid read").json["scope"] == "read"
    assert exchange(ISSUER, "openid profile").status_code == 200

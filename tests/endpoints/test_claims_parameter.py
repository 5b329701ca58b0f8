"""The `claims` parameter (core §5.5): single claims, sent where they are requested, as far as allowed."""

import json

import pytest
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.grants.models import Grant
from provider.infrastructure.database import db
from provider.keys import jwt
from provider.protocol.acr import PASSWORD_ACR
from tests.factories import make_account, make_session
from tests.support.browsers import Page, follow, query_of, show_session
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty, press, type_password

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
KNOWN = {"phone_number": "+44 20 7946 0000", "birthdate": "1815-12-10", "nickname": "Enchantress"}


@pytest.fixture
def ada(app):
    return make_account("ada", **KNOWN)


@pytest.fixture
def blue(app):
    return RelyingParty(app, "blue", first_party=False)


def asking(*, userinfo=None, id_token=None, scope="openid", **more) -> dict[str, str]:
    members = {"userinfo": userinfo, "id_token": id_token}
    return {"claims": json.dumps({n: v for n, v in members.items() if v is not None}), "scope": scope, **more}


def named(*names: str) -> dict[str, None]:
    return dict.fromkeys(names)


def id_token_claims(tokens, audience="red") -> dict[str, object]:
    return jwt.verify_own(
        jwt.UnverifiedJWT(tokens["id_token"]), typ=frozenset({"JWT"}), audience=audience, require=("sub",)
    )


@pytest.mark.spec("core 16")
def test_each_claim_is_given_where_it_is_wanted_and_after_a_refresh_too(signed_in, rp):
    asked = asking(
        userinfo=named("birthdate", "name") | {"nickname": {"essential": True}},
        id_token=named("phone_number"),
    )
    tokens = rp.sign_in(signed_in, **asked)

    for given in (tokens, rp.refresh(tokens["refresh_token"]).json):
        body = rp.userinfo(given["access_token"]).json
        signed = id_token_claims(given)
        assert set(body) == {"sub", "birthdate", "name", "nickname"}
        assert signed["phone_number"] == KNOWN["phone_number"]
        assert "birthdate" not in signed
        assert given["scope"] == "openid"


@ON_SQLITE
def test_what_scopes_ask_for_can_be_wanted_in_the_id_token(signed_in, rp):
    tokens = rp.sign_in(signed_in, **asking(id_token=named("email"), scope="openid email"))

    assert id_token_claims(tokens)["email"] == "ada@example.test"
    assert "email" in rp.userinfo(tokens["access_token"]).json


@pytest.mark.spec("core 16")
@ON_SQLITE
def test_what_is_unknown_is_left_out_and_no_error(signed_in, rp):
    asked = asking(userinfo=named("website", "flavour", "name#ja") | {"gender": {"essential": True}})

    assert set(rp.userinfo(rp.sign_in(signed_in, **asked)["access_token"]).json) == {"sub"}


@ON_SQLITE
def test_tokens_of_one_grant_tell_what_each_was_asked_for(signed_in, rp):
    more = rp.sign_in(signed_in, **asking(userinfo=named("birthdate")))
    less = rp.sign_in(signed_in, scope="openid")

    assert "birthdate" in rp.userinfo(more["access_token"]).json
    assert set(rp.userinfo(less["access_token"]).json) == {"sub"}


@pytest.mark.spec("SEC-1021")
@ON_SQLITE
def test_a_claim_is_no_way_around_the_scopes_that_a_client_may_have(app, signed_in):
    green = RelyingParty(app, "green", scope="openid email")

    asked = asking(userinfo=named("email", "phone_number"), id_token=named("birthdate"))
    tokens = green.sign_in(signed_in, **asked)

    assert set(green.userinfo(tokens["access_token"]).json) == {"sub", "email"}
    assert "birthdate" not in id_token_claims(tokens, "green")


@pytest.mark.spec("core 8")
def test_a_third_party_receives_what_the_person_agreed_to(http, signed_in, blue):
    asked = asking(userinfo=named("birthdate", "email"))
    page = Page(http, follow(http, blue.authorize(signed_in, **asked)))
    assert 'id="claims">birthday, e-mail address<' in page.html

    tokens = blue.exchange(query_of(follow(http, page.press("allow")))["code"]).json

    assert set(blue.userinfo(tokens["access_token"]).json) == {"sub", "birthdate", "email"}
    end_read()
    assert db.session.scalars(select(Grant)).one().claims == ["birthdate", "email"]
    said = select(AuditEvent).where(AuditEvent.tag.in_(["consent_given", "grant_created"]))
    assert [entry.detail["claims"] for entry in db.session.scalars(said)] == ["birthdate email"] * 2
    # What was agreed to is not asked about again; more is.
    assert "code" in query_of(blue.authorize(signed_in, prompt="none", **asked))
    more = asking(userinfo=named("birthdate", "phone_number"), prompt="none")
    assert query_of(blue.authorize(signed_in, **more))["error"] == "consent_required"


@ON_SQLITE
def test_who_agreed_to_a_scope_has_agreed_to_its_claims(signed_in, blue):
    press(signed_in, blue.authorize(signed_in, scope="openid email"), "allow")

    assert "code" in query_of(blue.authorize(signed_in, prompt="none", **asking(userinfo=named("email"))))


@pytest.mark.spec("core 16")
@ON_SQLITE
@pytest.mark.parametrize("place", ["userinfo", "id_token"])
def test_a_request_about_one_person_gets_no_response_about_another(http, rp, ada, place):
    ben = make_account("ben")
    show_session(http, make_session(ada))

    def about(account, **more):
        return asking(**{place: {"sub": {"value": account.sub}}}, **more)

    assert "code" in query_of(rp.authorize(http, **about(ada, prompt="none")))
    assert query_of(rp.authorize(http, **about(ben, prompt="none")))["error"] == "login_required"
    asked = rp.authorize(http, **about(ben))
    assert "/sign-in/" in asked.headers["Location"]
    assert query_of(type_password(http, asked, "ada"))["error"] == "login_required"
    assert "code" in query_of(type_password(http, rp.authorize(http, **about(ben)), "ben"))


@pytest.mark.spec("core 6, core 16, rfc9470 1")
@pytest.mark.spec("rfc9470 1")
@ON_SQLITE
@pytest.mark.parametrize(
    ("acr", "said"),
    [
        pytest.param({"essential": True, "values": ["urn:x", PASSWORD_ACR]}, "code", id="one is met"),
        pytest.param({"essential": True, "value": PASSWORD_ACR}, "code", id="the one is met"),
        pytest.param({"essential": True}, "code", id="any will do"),
        pytest.param({"values": ["urn:x"]}, "code", id="a wish is no demand"),
        pytest.param(
            {"essential": True, "values": ["urn:x"]}, "unmet_authentication_requirements", id="none is met"
        ),
        pytest.param(
            {"essential": True, "value": "urn:x"}, "unmet_authentication_requirements", id="it is not met"
        ),
    ],
)
def test_an_essential_acr_is_a_demand(signed_in, rp, acr, said):
    params = query_of(rp.authorize(signed_in, **asking(id_token={"acr": acr})))

    assert params.get("error", "code") == said
    if "code" in params:
        assert id_token_claims(rp.exchange(params["code"]).json)["acr"] == PASSWORD_ACR


@ON_SQLITE
@pytest.mark.parametrize(
    "claims",
    [
        "x",
        "[]",
        "null",
        '{"userinfo": []}',
        '{"id_token": "email"}',
        '{"userinfo": {"email": true}}',
        '{"userinfo": {"email": {"essential": "yes"}}}',
        '{"userinfo": {"email": {"values": "a"}}}',
        '{"userinfo": {"email": {"value": "a", "values": ["a"]}}}',
        '{"userinfo": {"email": null, "email": {}}}',
        json.dumps({"userinfo": named(*map(str, range(101)))}),
        '{"userinfo": ' + "[" * 500 + "]" * 500 + "}",
    ],
    ids=lambda text: text[:40],
)
def test_what_cannot_be_meant_is_refused(signed_in, rp, claims):
    assert query_of(rp.authorize(signed_in, claims=claims))["error"] == "invalid_request"


@ON_SQLITE
def test_claims_cost_no_statement(signed_in, rp, statements):
    rp.code(signed_in)
    with statements() as plain:
        rp.userinfo(rp.sign_in(signed_in)["access_token"])
    with statements() as with_claims:
        asked = asking(userinfo=named("birthdate"), id_token=named("email"))
        rp.userinfo(rp.sign_in(signed_in, **asked)["access_token"])

    assert len(with_claims) <= len(plain)


@ON_SQLITE
def test_discovery_says_so(rp):
    document = rp.http.get("/.well-known/openid-configuration").json

    assert document["claims_parameter_supported"] is True
    assert document["acr_values_supported"] == [PASSWORD_ACR]
    assert "acr" in document["claims_supported"]

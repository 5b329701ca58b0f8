"""Response types and response modes: how what was asked for, or an error, gets to the app."""

import re
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from provider.keys import jwt
from provider.tokens.id_token import half_hash
from tests.factories import make_session
from tests.support.browsers import ISSUER, Page, follow, query_of, show_session
from tests.support.relying_party import RelyingParty, type_password

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
EVERY_TYPE = ["code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"]
LEGACY = {"response_types": EVERY_TYPE, "grant_types": ["authorization_code", "refresh_token", "implicit"]}


def fragment_of(response) -> dict[str, str]:
    fragment = urlsplit(response.headers["Location"]).fragment
    return {name: values[0] for name, values in parse_qs(fragment, strict_parsing=True).items()}


def claims_of(token: str, audience: str = "red") -> dict[str, object]:
    return jwt.verify_own(
        jwt.UnverifiedJWT(token), typ=frozenset({"JWT"}), audience=audience, require=("sub", "sid", "nonce")
    )


@pytest.mark.spec("core 9")
@ON_SQLITE
def test_a_fragment_carries_what_the_app_wants_there(signed_in, rp):
    response = rp.authorize(signed_in, response_mode="fragment")

    assert response.headers["Location"].startswith(rp.redirect_uri + "#")
    assert set(fragment_of(response)) == {"code", "state", "iss"}
    assert fragment_of(rp.authorize(signed_in, response_mode="fragment", scope="x"))["error"]


@pytest.mark.spec("Form Post Response Mode §2")
@ON_SQLITE
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({}, "code", id="success"),
        pytest.param({"prompt": "none login"}, "error", id="an error"),
        pytest.param({"response_type": "token"}, "error", id="an error about the response type"),
    ],
)
def test_a_form_posts_the_response_by_itself_or_at_a_click(signed_in, rp, changes, said):
    response = rp.authorize(signed_in, response_mode="form_post", **changes)

    page = Page(signed_in, response)
    policy = response.headers["Content-Security-Policy"]
    assert response.status_code == 200
    assert "Location" not in response.headers
    assert page.fields.items() >= {"state": "the state", "iss": ISSUER}.items()
    assert said in page.fields
    assert f'action="{rp.redirect_uri}"' in page.html
    assert "continue" in page.buttons
    assert "form_post.js" in page.html
    assert "<script>" not in page.html
    assert response.headers["Cache-Control"] == "no-store"
    assert "form-action 'self' https:" in policy
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy


@ON_SQLITE
def test_a_form_speaks_the_language_that_the_app_asks_for(signed_in, rp):
    page = Page(signed_in, rp.authorize(signed_in, response_mode="form_post", ui_locales="de"))

    assert '<html lang="de">' in page.html


@ON_SQLITE
def test_a_form_says_the_state_as_text_and_not_as_markup(signed_in, rp):
    page = Page(
        signed_in, rp.authorize(signed_in, response_mode="form_post", state='"><script>alert(1)</script>')
    )

    assert page.fields["state"] == '"><script>alert(1)</script>'
    assert "<script>alert" not in page.html


@ON_SQLITE
def test_a_response_after_a_sign_in_comes_by_form_too(http, rp, ada):
    response = type_password(http, rp.authorize(http, response_mode="form_post"))

    assert "code" in Page(http, response).fields


@ON_SQLITE
@pytest.mark.parametrize("mode", ["query", "fragment", "form_post", "jwt", "form_post.jwt", "web_message"])
def test_no_response_mode_answers_at_an_unregistered_address(signed_in, rp, mode):
    """ABU-18: a response mode is no way around the check of the redirect URI."""
    for changes in ({}, {"response_type": "id_token"}, {"scope": "nonsense"}):
        response = rp.authorize(
            signed_in, redirect_uri="https://evil.test/callback", response_mode=mode, **changes
        )

        assert response.status_code == 400
        assert "Location" not in response.headers
        assert not re.search(r"""(href|src|action|url)=["']?[^"'>]*evil""", response.text)


@ON_SQLITE
def test_no_form_is_posted_to_an_apps_own_scheme(app, signed_in):
    native = {"application_type": "native", "redirect_uris": ["com.example.red:/callback"], "public": True}
    gone = {"client_uri": None, "backchannel_logout_uri": None, "post_logout_redirect_uris": None}
    rp = RelyingParty(app, **native, **gone)

    assert rp.code(signed_in, response_mode="query")
    assert query_of(rp.authorize(signed_in, response_mode="form_post"))["error"] == "invalid_request"


@ON_SQLITE
@pytest.mark.parametrize("response_type", ["token", *EVERY_TYPE[1:]])
def test_without_the_setting_there_is_only_the_code(app, signed_in, response_type):
    rp = RelyingParty(app, **LEGACY)

    params = fragment_of(rp.authorize(signed_in, response_type=response_type))

    assert (params["error"], params["state"]) == ("unsupported_response_type", "the state")
    assert rp.http.get("/.well-known/openid-configuration").json["response_types_supported"] == ["code"]


class TestForLegacyClients:
    """With the setting on."""

    @pytest.fixture
    def settings(self, settings):
        return replace(settings, hybrid_response_types=True)

    @pytest.fixture
    def rp(self, app):
        return RelyingParty(app, **LEGACY)

    @pytest.mark.spec("core §3.2.2.5")
    @pytest.mark.spec("core §3.3.2.5")
    def test_each_type_is_answered_with_what_it_names(self, rp, signed_in, ada):
        for response_type in EVERY_TYPE[1:]:
            params = fragment_of(rp.authorize(signed_in, response_type=response_type))

            asked = set(response_type.replace("token", "access_token").replace("id_access", "id").split())
            assert asked == set(params) & {"code", "id_token", "access_token"}, response_type
            assert (params["state"], params["iss"]) == ("the state", ISSUER)
            if "access_token" in params:
                assert params["token_type"] == "Bearer"
                assert rp.userinfo(params["access_token"]).json["sub"] == ada.sub
            if "code" in params:
                assert rp.exchange(params["code"]).json["id_token"]

    @pytest.mark.spec("core §3.3.2.11")
    @ON_SQLITE
    def test_an_id_token_vouches_for_what_comes_with_it(self, rp, signed_in):
        params = fragment_of(rp.authorize(signed_in, response_type="code id_token token"))

        claims = claims_of(params["id_token"])

        assert claims["nonce"] == "the nonce"
        assert claims["c_hash"] == half_hash(params["code"], alg="RS256")
        assert claims["at_hash"] == half_hash(params["access_token"], alg="RS256")

    @pytest.mark.spec("core 16")
    @ON_SQLITE
    def test_an_id_token_alone_tells_what_no_access_token_could_ask(self, rp, signed_in, ada):
        alone = claims_of(fragment_of(rp.authorize(signed_in, response_type="id_token"))["id_token"])
        with_token = claims_of(
            fragment_of(rp.authorize(signed_in, response_type="id_token token"))["id_token"]
        )

        assert alone["email"] == "ada@example.test"
        assert alone["sub"] == with_token["sub"] == ada.sub
        assert "email" not in with_token

    @ON_SQLITE
    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            pytest.param({"response_type": "token"}, "unsupported_response_type", id="token alone"),
            pytest.param({"response_type": "id_token id_token x"}, "unsupported_response_type", id="unknown"),
            pytest.param({"response_type": "id_token", "nonce": None}, "invalid_request", id="no nonce"),
            pytest.param(
                {"response_type": "code id_token", "nonce": None}, "invalid_request", id="no nonce, hybrid"
            ),
            pytest.param({"response_type": "id_token", "scope": "email"}, "invalid_request", id="no openid"),
            pytest.param(
                {"response_type": "code id_token", "response_mode": "query"},
                "invalid_request",
                id="tokens do not go into the query",
            ),
        ],
    )
    def test_what_is_refused_is_reported_in_the_fragment(self, rp, signed_in, changes, error):
        response = rp.authorize(signed_in, **changes)

        assert urlsplit(response.headers["Location"]).query == ""
        assert fragment_of(response)["error"] == error

    @ON_SQLITE
    def test_a_type_that_the_client_did_not_register_is_refused(self, app, signed_in):
        green = RelyingParty(app, "green")

        params = fragment_of(green.authorize(signed_in, response_type="code id_token"))

        assert params["error"] == "unauthorized_client"

    @pytest.mark.spec("core §3.3.2.5")
    @ON_SQLITE
    def test_a_form_brings_them_too(self, rp, signed_in):
        page = Page(
            signed_in, rp.authorize(signed_in, response_type="code id_token", response_mode="form_post")
        )

        assert {"code", "id_token", "state", "iss"} <= set(page.fields)

    @pytest.mark.spec("core 10, rfc6749 §4.1.2")
    @ON_SQLITE
    def test_a_code_used_twice_takes_its_front_channel_token_along(self, rp, signed_in):
        params = fragment_of(rp.authorize(signed_in, response_type="code token"))
        rp.exchange(params["code"])

        rp.exchange(params["code"])

        assert rp.userinfo(params["access_token"]).status_code == 401

    @pytest.mark.spec("core 16")
    @ON_SQLITE
    def test_single_claims_are_given_where_they_are_wanted(self, rp, signed_in):
        claims = '{"id_token": {"name": null}, "userinfo": {"email": null}}'
        asked = {"scope": "openid", "claims": claims, "response_type": "id_token token"}

        params = fragment_of(rp.authorize(signed_in, **asked))

        assert claims_of(params["id_token"])["name"] == "Ada"
        assert "email" not in claims_of(params["id_token"])
        assert set(rp.userinfo(params["access_token"]).json) == {"sub", "email"}

    @pytest.mark.spec("core 23")
    @ON_SQLITE
    def test_offline_access_is_ignored_without_a_code(self, rp, signed_in):
        asked = rp.authorize(
            signed_in, response_type="id_token token", scope="openid offline_access", prompt="consent"
        )

        params = fragment_of(follow(signed_in, Page(signed_in, follow(signed_in, asked)).press("allow")))

        assert rp.introspect(params["access_token"])["scope"] == "openid"

    @ON_SQLITE
    def test_what_came_by_the_front_channel_dies_with_the_session(self, rp, http, ada):
        made = make_session(ada)
        params = fragment_of(rp.authorize(show_session(http, made), response_type="id_token token"))

        http.get("/session/end", query_string={"id_token_hint": params["id_token"]})

        assert rp.userinfo(params["access_token"]).status_code == 401

    @ON_SQLITE
    def test_discovery_lists_them(self, rp):
        document = rp.http.get("/.well-known/openid-configuration").json

        assert document["response_types_supported"] == EVERY_TYPE
        assert "implicit" in document["grant_types_supported"]
        assert document["response_modes_supported"] == [
            *("query", "fragment", "form_post"),
            *("jwt", "query.jwt", "fragment.jwt", "form_post.jwt"),
        ]

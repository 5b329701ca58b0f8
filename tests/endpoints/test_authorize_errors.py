"""The errors of `/authorize`: on a page, or at the app once its address is proven."""

import html
import re

import pytest

from provider.infrastructure.database import transaction
from provider.tokens.models import AuthorizationCode
from tests.endpoints.test_authorize import ON_SQLITE, count
from tests.support.browsers import ISSUER, query_of
from tests.support.relying_party import CHALLENGE, RelyingParty

EVIL = "https://evil.test/callback"


@pytest.mark.spec("core 10, rfc6749 §4.1.2.1")
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"client_id": None}, id="no client_id"),
        pytest.param({"client_id": "nobody"}, id="an unknown client"),
        pytest.param({"redirect_uri": None}, id="no redirect_uri"),
        pytest.param({"redirect_uri": EVIL}, id="an unregistered redirect_uri"),
        pytest.param({"redirect_uri": "https://red.test/callback/"}, id="a trailing slash is another URI"),
        pytest.param({"redirect_uri": "https://red.test/callback?x=1"}, id="a query makes another URI"),
        pytest.param({"redirect_uri": "https://RED.test/callback"}, id="letters are compared exactly"),
        pytest.param({"redirect_uri": EVIL, "response_type": "token"}, id="ABU-34: with a bad response_type"),
        pytest.param({"redirect_uri": EVIL, "scope": "nonsense"}, id="ABU-35: with a bad scope"),
        pytest.param({"redirect_uri": EVIL, "prompt": "none"}, id="with prompt none"),
        pytest.param({"redirect_uri": EVIL, "request": "x"}, id="with a request object"),
        pytest.param({"redirect_uri": EVIL, "code_challenge_method": "plain"}, id="with a bad challenge"),
        pytest.param({"redirect_uri": EVIL, "max_age": "-1"}, id="with a bad max_age"),
        pytest.param({"redirect_uri": EVIL, "response_mode": "fragment"}, id="with a bad response_mode"),
    ],
)
def test_without_a_proven_address_an_error_is_a_page(signed_in, rp, changes):
    response = rp.authorize(signed_in, **changes)

    assert response.status_code == 400
    assert "Location" not in response.headers
    assert "error-heading" in response.get_data(as_text=True)
    assert not re.search(r"""(href|src|action|url)=["']?[^"'>]*evil""", response.text)


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        pytest.param(EVIL, "https://evil.test/callback", id="as it was sent"),
        pytest.param(f"{EVIL}?token=s3cret#s3cret", "https://evil.test/callback?...", id="without its query"),
        pytest.param("https://ada:s3cret@evil.test/", "https://...@evil.test/", id="without a user"),
        pytest.param("https://evil.test/<b>", "https://evil.test/&lt;b&gt;", id="escaped"),
        pytest.param("https://evil.test/" + "x" * 4000, "x" * 182 + "... for", id="not without end"),
    ],
)
def test_a_refused_redirect_uri_is_named_to_developers_and_in_the_log(signed_in, rp, refused, said, caplog):
    caplog.set_level("INFO", "curfew")

    response = rp.authorize(signed_in, redirect_uri=refused)

    logged = next(record for record in caplog.records if record.message == "request_refused")
    assert said in response.text
    assert "client_id red" in response.text
    assert html.unescape(said) in logged.fields["description"]
    assert "s3cret" not in response.text + str(logged.fields)


def test_a_disabled_client_is_as_good_as_unknown(signed_in, rp):
    with transaction():
        rp.client.disabled_at = rp.client.created_at

    assert rp.authorize(signed_in).status_code == 400


@pytest.mark.spec("rfc6749 §3.1, rfc6749 §4.1.2.1")
@ON_SQLITE
@pytest.mark.parametrize(
    ("extra", "reported"),
    [
        pytest.param([("scope", "openid")], True, id="a parameter twice"),
        pytest.param([("scope", "")], True, id="the second one empty"),
        pytest.param([("foo", "1"), ("foo", "2")], True, id="an unknown one, twice"),
        pytest.param([("nonce2", "x" * 8193)], True, id="one that is too long"),
        pytest.param([("foo", "a\0b")], True, id="one with a NUL"),
        pytest.param([(f"p{n}", "1") for n in range(101)], True, id="too many"),
        pytest.param([("response_mode", "form_post"), ("response_mode", "query")], True, id="the mode twice"),
        pytest.param([("client_id", "green")], False, id="the client twice"),
        pytest.param([("redirect_uri", EVIL)], False, id="the redirect URI twice"),
    ],
)
def test_ambiguous_requests_are_reported_to_the_app_if_it_is_proven(signed_in, rp, extra, reported):
    for response in (
        signed_in.get("/authorize", query_string=[*rp.request().items(), *extra]),
        signed_in.post("/authorize", query_string=extra, data=rp.request() | {"login_hint": ["a", "b"]}),
    ):
        if reported:
            params = query_of(response)
            assert response.headers["Location"].startswith(rp.redirect_uri)
            assert (params["error"], params["state"]) == ("invalid_request", "the state")
        else:
            assert response.status_code == 400
            assert "Location" not in response.headers
    assert count(AuthorizationCode) == 0


@pytest.mark.parametrize("state", ["x" * 8193, "a\0b"])
@ON_SQLITE
def test_a_state_beyond_all_measure_is_not_sent_back(signed_in, rp, state):
    params = query_of(rp.authorize(signed_in, state=state))

    assert params["error"] == "invalid_request"
    assert "state" not in params


@ON_SQLITE
def test_a_state_twice_is_not_sent_back(signed_in, rp):
    params = query_of(signed_in.get("/authorize", query_string=[*rp.request().items(), ("state", "other")]))

    assert params["error"] == "invalid_request"
    assert "state" not in params


@pytest.mark.spec("core 9")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param({"response_type": None}, "invalid_request", id="no response_type"),
        pytest.param({"response_mode": "letter"}, "invalid_request", id="another response_mode"),
        pytest.param({"scope": None}, "invalid_scope", id="no scope"),
        pytest.param({"scope": "nonsense"}, "invalid_scope", id="unknown scopes alone"),
        pytest.param(
            {"scope": "openid phone"}, "invalid_scope", id="SEC-1021: a scope that is not the client's"
        ),
        pytest.param({"request": "e30.e30."}, "invalid_request_object", id="an unsigned request object"),
        pytest.param({"request_uri": "https://red.test/r"}, "invalid_request_uri", id="a request_uri"),
        pytest.param({"registration": "{}"}, "registration_not_supported", id="a registration"),
        pytest.param({"prompt": "none login"}, "invalid_request", id="none goes with nothing else"),
        pytest.param({"prompt": "create"}, "invalid_request", id="an unknown prompt"),
        pytest.param({"display": "wall"}, "invalid_request", id="an unknown display"),
        pytest.param({"max_age": "-1"}, "invalid_request", id="a negative max_age"),
        pytest.param({"max_age": "soon"}, "invalid_request", id="a max_age that is no number"),
        pytest.param({"code_challenge_method": "plain"}, "invalid_request", id="PKCE plain"),
        pytest.param({"code_challenge_method": None}, "invalid_request", id="no method means plain"),
        pytest.param({"code_challenge": None}, "invalid_request", id="a method without a challenge"),
        pytest.param({"code_challenge": CHALLENGE[:-1]}, "invalid_request", id="a short challenge"),
        pytest.param({"id_token_hint": "e30.e30.e30"}, "invalid_request", id="a hint that is not ours"),
        pytest.param({"resource": "https://nobody.test"}, "invalid_target", id="an unknown resource"),
        pytest.param({"resource": "/relative"}, "invalid_target", id="a resource that is no absolute URI"),
        pytest.param({"resource": "https://a.test#x"}, "invalid_target", id="a resource with a fragment"),
        pytest.param({"dpop_jkt": "short"}, "invalid_request", id="a dpop_jkt that is no thumbprint"),
    ],
)
def test_other_errors_are_reported_to_the_app(app, signed_in, changes, error):
    rp = RelyingParty(app, scope="openid profile email")

    response = rp.authorize(signed_in, **changes)

    params = query_of(response)
    assert response.status_code == 303
    assert response.headers["Location"].startswith(rp.redirect_uri + "?")
    assert (params["error"], params["state"], params["iss"]) == (error, "the state", ISSUER)
    assert "code" not in params
    assert count(AuthorizationCode) == 0


@pytest.mark.spec("rfc7636 1")
def test_a_public_client_must_send_a_challenge(app, signed_in):
    rp = RelyingParty(app, public=True)

    params = query_of(rp.authorize(signed_in, code_challenge=None, code_challenge_method=None))

    assert params["error"] == "invalid_request"

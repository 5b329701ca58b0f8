"""Signing out everywhere by the account API: asked, the provider first, and this app after its yes."""

import pytest

EVERYWHERE = "/logout/everywhere"
API = "/account/sign-out-everywhere"
DONE = {"sessions_ended": 2, "apps_to_notify": [{"client_id": "green", "name": "Green"}]}


@pytest.fixture
def red(make_app):
    return make_app(scope="openid profile email account")


def test_the_page_offers_it_to_those_whose_token_is_good_for_it(make_app):
    with_scope, without = make_app(scope="openid account").browser(), make_app().browser()
    with_scope.sign_in()
    without.sign_in()

    assert 'id="sign-out-everywhere"' in with_scope.get("/").text
    assert 'id="sign-out-everywhere"' not in without.get("/").text
    assert without.get(EVERYWHERE).status_code == 303
    assert without.post(EVERYWHERE).status_code == 303
    assert without.state()["signed_in"]


def test_it_asks_first(ada, provider):
    ada.sign_in()

    response = ada.get(EVERYWHERE)

    page = response.text
    assert response.mimetype == "text/html"
    assert "This cannot be undone" in page
    assert 'id="cancel"' in page
    assert provider.requests_to(API) == []
    assert ada.state()["signed_in"]


def test_the_provider_ends_everything_and_then_this_session_ends(ada, provider):
    ada.sign_in()
    token = ada.tokens()["session"]["access_token"]
    provider.everywhere = [(200, DONE)]

    page = ada.post(EVERYWHERE)

    assert "1 app is notified" in page.text
    assert provider.requests_to(API)[0].headers["authorization"] == f"Bearer {token}"
    assert ada.state()["end_reason"] == "signed out everywhere"


def test_an_expired_access_token_is_followed_by_the_refresh_token(ada, provider):
    ada.sign_in()
    tokens = ada.tokens()["session"]
    provider.everywhere = [(401, {"error": "invalid_token", "code": 9002}), (200, DONE)]

    assert ada.post(EVERYWHERE).status_code == 200

    second = provider.requests_to(API)[1]
    assert second.values == {"refresh_token": tokens["refresh_token"]}
    assert second.headers["authorization"].startswith("Basic ")
    assert not ada.state()["signed_in"]


@pytest.mark.parametrize(
    ("responses", "said"),
    [
        pytest.param([(401, {"code": 9002})] * 2, "Invalid or expired session", id="a dead session"),
        pytest.param([(403, {"code": 9000})], "Not signed out", id="another refusal"),
        pytest.param([(503, {})], "Not signed out", id="a provider that is away"),
    ],
)
def test_nothing_ends_here_without_the_providers_yes(ada, provider, responses, said):
    ada.sign_in()
    provider.everywhere = responses

    page = ada.post(EVERYWHERE)

    assert said in page.text
    assert "Nothing was changed" in page.text
    assert ada.state()["signed_in"]


def test_without_a_network_nothing_ends(ada, provider):
    ada.sign_in()
    provider.everywhere = [(0, {})]

    page = ada.post(EVERYWHERE)

    assert page.status_code == 502
    assert ada.state()["signed_in"]


def test_a_form_of_another_site_is_refused(ada, provider):
    ada.sign_in()

    assert ada.post(EVERYWHERE, headers={"Origin": "http://evil.test"}).status_code == 403
    assert provider.requests_to(API) == []

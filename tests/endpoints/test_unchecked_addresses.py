"""No link to the provider leads to the site of a self-registered app before the person has seen where to."""

import html
import re
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from provider.infrastructure.database import transaction
from provider.logout.end_session import end
from tests.endpoints.conftest import BY_ADA
from tests.factories import make_account, make_session
from tests.support.browsers import Page, follow, id_token_of, query_of, show_session
from tests.support.relying_party import RelyingParty, press

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
BY_ITSELF = {"first_party": False, "settings": {"self_registered": True, "result_page": "never"}}
OUT = "https://evil.test/signed-out"


@pytest.fixture
def evil(app):
    return RelyingParty(app, "evil", client_name="Your bank", **BY_ITSELF)


@pytest.fixture
def honest(app):
    """Another third party, which the operator registered."""
    return RelyingParty(app, "green", first_party=False, settings={"result_page": "never"})


def address_shown(response) -> str:
    """The address behind the button of a page that names its host; the browser has not been sent there."""
    assert "Location" not in response.headers
    assert '<strong id="host">evil.test</strong>' in response.text
    assert 'id="unchecked"' in response.text
    return html.unescape(re.search(r'<a [^>]*id="continue"[^>]*href="([^"]*)"', response.text)[1])


ERRORS = [
    pytest.param({"scope": "nonsense"}, "invalid_scope", id="an invalid scope"),
    pytest.param({"prompt": "none"}, "login_required", id="a silent request"),
    pytest.param({"request": "x.y.z"}, "invalid_request_object", id="a broken request object"),
    pytest.param({"prompt": ["none", "login"]}, "invalid_request", id="a repeated parameter"),
]


@pytest.mark.spec("rfc9700 3")
@pytest.mark.parametrize(("asked", "error"), ERRORS)
def test_an_error_shows_where_it_would_lead(http, evil, asked, error):
    """The attack: a link under our name that leads to a copy of the sign-in page, without any click."""
    address = address_shown(evil.authorize(http, **asked))

    # The button leads where the redirect would have led, so that an honest app learns what was wrong.
    assert address.startswith(f"{evil.redirect_uri}?")
    parameters = parse_qs(urlsplit(address).query)
    assert (parameters["error"], parameters["state"]) == ([error], ["the state"])


@pytest.mark.parametrize(("asked", "error"), ERRORS)
def test_an_app_of_the_operator_is_notified_at_once(http, honest, asked, error):
    assert query_of(honest.authorize(http, **asked))["error"] == error


@pytest.mark.spec("rfc9700 3")
def test_who_says_no_is_not_sent_there_either(http, signed_in, evil):
    denied = press(signed_in, evil.authorize(signed_in), "deny")
    assert "error=access_denied" in address_shown(denied)

    signed_in.delete_cookie("curfew_session")
    cancelled = press(signed_in, evil.authorize(signed_in), "cancel")
    assert "error=access_denied" in address_shown(cancelled)


def test_who_says_yes_is(signed_in, evil):
    response = press(signed_in, evil.authorize(signed_in), "allow")

    assert response.headers["Location"].startswith(f"{evil.redirect_uri}?code=")
    assert "code" in query_of(evil.authorize(signed_in, prompt="none"))


def test_an_error_by_form_waits_for_a_click(http, evil):
    response = evil.authorize(http, prompt="none", response_mode="form_post")

    page = Page(http, response)
    assert page.action == evil.redirect_uri
    assert (page.fields["error"], page.fields["state"]) == ("login_required", "the state")
    assert "<script" not in page.html
    assert '<strong id="host">evil.test</strong>' in page.html


def test_in_a_hidden_frame_the_app_learns_it_at_once(http, evil):
    """A silent request of an app in a browser: no person is led anywhere, and a page could not be shown."""
    framed = http.get(
        "/authorize", query_string=evil.request(prompt="none"), headers={"Sec-Fetch-Dest": "iframe"}
    )

    assert query_of(framed)["error"] == "login_required"


class TestOfTrustedHosts:
    """A certification suite registers its clients itself and follows redirects alone."""

    @pytest.fixture
    def settings(self, settings):
        return replace(settings, registration_trusted_hosts=("evil.test",))

    def test_errors_lead_there_at_once(self, http, evil):
        assert query_of(evil.authorize(http, prompt="none"))["error"] == "login_required"
        assert query_of(evil.authorize(http, scope="nonsense"))["error"] == "invalid_scope"

    def test_so_does_an_ended_hint(self, http, evil):
        assert end_by(http, ended(evil)).headers["Location"] == OUT


def end_by(browser, token: str, **asked):
    wanted = {"id_token_hint": token, "post_logout_redirect_uri": OUT} | asked
    return browser.get("/session/end", query_string=wanted)


def ended(evil) -> str:
    """An ID Token of the attacker's own, whose session he has ended."""
    made = make_session(make_account("mallory"), [evil.client])
    with transaction():
        assert end(made.session, BY_ADA)
    return id_token_of(evil.client, made.grants["evil"])


@pytest.mark.spec("rfc9700 3")
def test_an_ended_hint_of_its_own_shows_where_it_would_lead(http, evil):
    assert address_shown(end_by(http, ended(evil))) == OUT


@pytest.mark.spec("rfc9700 3")
def test_a_hint_of_a_living_session_elsewhere_does_not_lead_there_either(http, evil):
    made = make_session(make_account("mallory"), [evil.client])

    asked = end_by(http, id_token_of(evil.client, made.grants["evil"]))
    response = press(http, asked, "sign-out")

    assert address_shown(response) == OUT


@pytest.mark.spec("rfc9700 3")
def test_a_hint_of_a_session_that_is_forgotten_does_not_lead_there_either(http, evil):
    made = make_session(make_account("mallory"), [evil.client])
    token = id_token_of(evil.client, made.grants["evil"], sid="forgotten")

    assert address_shown(follow(http, end_by(http, token))) == OUT


@pytest.mark.spec("rfc9700 3")
@pytest.mark.parametrize("button", ["sign-out", "cancel"])
@pytest.mark.parametrize("by_hint", [True, False], ids=["with a hint of the attacker's own", "by its name"])
def test_a_person_who_never_used_the_app_is_not_led_there(signed_in, evil, button, by_hint):
    asked = {"id_token_hint": ended(evil)} if by_hint else {"client_id": "evil"}

    question = signed_in.get("/session/end", query_string=asked | {"post_logout_redirect_uri": OUT})
    address = address_shown(press(signed_in, question, button))

    assert address == (OUT if button == "sign-out" else "https://evil.test")


def test_the_sign_out_of_its_own_session_leads_back(http, ada, evil):
    made = make_session(ada, [evil.client])
    token = id_token_of(evil.client, made.grants["evil"])
    show_session(http, made)

    first = end_by(http, token, state="s")
    http.set_cookie("curfew_session", made.handle)
    twice = end_by(http, token, state="s")

    assert first.headers["Location"] == twice.headers["Location"] == f"{OUT}?state=s"

"""Apps whose hosts have other letters than ASCII: matched as browsers send them, shown in both forms."""

from dataclasses import replace

import pytest

from tests.support.browsers import Page, follow, query_of
from tests.support.registering import Registrant
from tests.support.relying_party import RelyingParty, press, type_password

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
LETTERS, HOST = "bücher.example", "xn--bcher-kva.example"
BOTH = f"{LETTERS} ({HOST})"
MEMBERS = {
    "redirect_uris": [f"https://{LETTERS}/callback"],
    "post_logout_redirect_uris": [f"https://{LETTERS}/out"],
    "client_uri": f"https://{LETTERS}",
    "backchannel_logout_uri": None,
}


@pytest.fixture
def settings(settings):
    return replace(settings, registration="open", registration_limit="1000 per second")


def test_the_person_sees_both_forms_and_the_code_goes_to_the_one_that_browsers_send(app, http, ada):
    rp = RelyingParty(app, first_party=False, **MEMBERS)
    assert rp.redirect_uri == f"https://{HOST}/callback"

    page = follow(http, rp.authorize(http))
    assert BOTH in page.text
    consent = type_password(http, page)
    assert BOTH in consent.text

    response = press(http, consent, "allow")
    assert response.headers["Location"].startswith(f"https://{HOST}/callback?")
    assert rp.exchange(query_of(response)["code"]).status_code == 200


def test_the_letters_are_not_what_was_registered(app, signed_in):
    rp = RelyingParty(app, **MEMBERS)

    refused = rp.authorize(signed_in, redirect_uri=f"https://{LETTERS}/callback")

    assert refused.status_code == 400
    assert "Location" not in refused.headers


def test_a_registration_is_answered_with_what_will_be_compared(app):
    registrant = Registrant(app.test_client(use_cookies=False))

    made = registrant.registered(redirect_uris=MEMBERS["redirect_uris"])

    assert made["redirect_uris"] == [f"https://{HOST}/callback"]


def test_before_leaving_for_an_app_that_registered_itself_both_forms_are_shown(app, http):
    made = Registrant(app.test_client(use_cookies=False)).registered(redirect_uris=MEMBERS["redirect_uris"])
    asked = {"client_id": made["client_id"], "redirect_uri": made["redirect_uris"][0], "scope": "openid"}

    page = http.get("/authorize", query_string=asked | {"response_type": "nonsense"})

    assert f'<strong id="host">{BOTH}</strong>' in page.text


def test_a_refused_return_address_is_shown_in_both_forms(app, http):
    RelyingParty(app, **MEMBERS)
    asked = {"client_id": "red", "post_logout_redirect_uri": f"https://{HOST}/elsewhere"}

    page = follow(http, http.get("/session/end", query_string=asked))

    assert f"https://{HOST}/elsewhere ({LETTERS})" in page.text
    assert Page(http, page).html.count(LETTERS) == 1

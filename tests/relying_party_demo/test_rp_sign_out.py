"""Signing out: through the provider, here only, and by Logout Tokens for some sessions and not for others."""

from urllib.parse import parse_qs, urlsplit

import pytest


def start_sign_out(browser):
    response = browser.post("/logout")
    assert response.status_code == 303
    url = urlsplit(response.headers["Location"])
    return url.path, {name: values[0] for name, values in parse_qs(url.query).items()}


@pytest.mark.spec("rpinitiated 3, rpinitiated 4, rpinitiated 6")
def test_sign_out_goes_through_the_provider_with_the_id_token_as_hint(ada):
    ada.sign_in()
    id_token = ada.tokens()["session"]["id_token"]

    path, asked = start_sign_out(ada)

    assert path == "/session/end"
    assert asked["id_token_hint"] == id_token
    assert asked["client_id"] == "red"
    assert asked["post_logout_redirect_uri"] == "http://localhost:8901/signed-out"


def test_the_session_of_the_app_ends_on_the_way_to_the_provider(ada):
    """Whatever becomes of the browser there, this app is signed out."""
    ada.sign_in()
    copy = ada.http.get_cookie("rp_red", domain="localhost").value

    start_sign_out(ada)

    assert ada.state()["end_reason"] == "signed out at this app, which sent you to the provider"
    ada.http.set_cookie("rp_red", copy, domain="localhost")
    assert not ada.state()["signed_in"]


def test_the_way_back_says_that_the_person_is_signed_out(ada, red, provider):
    ada.sign_in()
    start_sign_out(ada)
    red.tell(provider.logout_token())

    assert "You are signed out" in ada.get("/signed-out").text


def test_a_sign_out_without_a_provider_is_one_of_this_app(ada, provider):
    ada.sign_in()
    ada.forget_provider()
    provider.is_down = True

    response = ada.post("/logout")

    assert response.headers["Location"] == "http://localhost:8901/signed-out"
    assert not ada.state()["signed_in"]


def test_the_page_of_an_old_sign_out_does_not_end_a_newer_session(ada):
    ada.sign_in()
    start_sign_out(ada)
    ada.sign_in()

    assert "newer session goes on" in ada.get("/signed-out").text
    assert ada.state()["signed_in"]


def test_two_tabs_may_sign_out_at_once(ada):
    ada.sign_in()

    paths = [start_sign_out(ada)[0] for _ in range(2)]

    assert paths == ["/session/end"] * 2


def test_signing_out_without_a_session_still_leads_to_the_provider(ada):
    _, asked = start_sign_out(ada)

    assert "id_token_hint" not in asked
    assert asked["client_id"] == "red"


def test_signing_out_here_only_notifies_no_app(ada, provider):
    ada.sign_in()
    seen = len(provider.seen)

    ada.post("/logout/local")

    assert not ada.state()["signed_in"]
    assert ada.state()["end_reason"] == "signed out at this app only"
    assert "signs you in again without a password" in ada.get("/").text
    assert len(provider.seen) == seen


@pytest.mark.spec("backchannel §2.7")
def test_a_sid_ends_that_session_alone(red, provider):
    first, second = red.browser(), red.browser()
    first.sign_in()
    provider.sid = "sid-2"
    second.sign_in()

    red.tell(provider.logout_token(sid="sid-1"))

    assert not first.state()["signed_in"]
    assert second.state()["signed_in"]


@pytest.mark.spec("backchannel RP 10")
def test_a_sub_without_sid_ends_all_sessions_of_that_person_alone(red, provider):
    first, second, ben = red.browser(), red.browser(), red.browser()
    first.sign_in()
    provider.sid = "sid-2"
    second.sign_in()
    provider.sub, provider.sid = "ben", "sid-3"
    ben.sign_in()

    red.tell(provider.logout_token(sub="ada", sid=...))

    assert [browser.state()["signed_in"] for browser in (first, second, ben)] == [False, False, True]
    assert red.events("rp_logout_token")[0]["sessions_ended"] == 2


@pytest.mark.spec("backchannel §2.8")
def test_being_signed_out_already_is_a_success(red, provider):
    assert red.tell(provider.logout_token(sid="never-seen")).status_code == 200


def test_a_logout_token_that_overtakes_the_sign_in_still_counts(red, ada, provider):
    back = ada.go_to_provider()
    red.tell(provider.logout_token())

    page = ada.get(back)

    assert (page.status_code, ada.state()["signed_in"]) == (403, False)
    assert "You were signed out in the meantime" in page.text


def test_the_page_says_why_the_session_ended_and_what_was_received(red, ada, provider):
    ada.sign_in()
    red.tell(provider.logout_token())
    red.tell(provider.logout_token(nonce="n"))

    page = ada.get("/").text

    assert "Your session was ended by a Logout Token at" in page
    assert "accepted" in page
    assert "nonce_prohibited" in page


def test_what_a_refused_token_says_is_shown_as_text(red, ada, provider):
    red.tell(provider.logout_token(sid="<script>alert(1)</script>", iss="http://evil.test"))

    page = ada.get("/").text

    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_a_form_of_another_site_is_refused(ada):
    ada.sign_in()

    responses = [
        ada.post(path, headers={"Origin": "http://localhost:8902"})
        for path in ("/logout/local", "/logout", "/behaviour", "/api/behaviour", "/api/refresh")
    ]

    assert {response.status_code for response in responses} == {403}
    assert ada.state()["signed_in"]


def test_a_form_of_the_app_itself_is_accepted(ada):
    ada.sign_in()

    ada.post("/logout/local", headers={"Origin": "http://localhost:8901"})

    assert not ada.state()["signed_in"]

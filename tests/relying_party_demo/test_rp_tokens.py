"""The app's use of its own tokens, before and after a session ends."""

import threading

import pytest

OFFLINE = "/login?scope=openid+profile+offline_access"


def test_refresh_rotates_the_tokens(ada):
    ada.sign_in()
    before = ada.tokens()["session"]

    response = ada.post("/api/refresh")

    after = ada.tokens()["session"]
    assert (response.status_code, response.json["ok"], response.json["rotated"]) == (200, True, True)
    assert after["refresh_token"] != before["refresh_token"]
    assert after["access_token"] != before["access_token"]


@pytest.mark.spec("backchannel OP 9, backchannel §2.7")
def test_a_refresh_token_of_the_session_goes_with_it(red, ada, provider):
    ada.sign_in()
    red.tell(provider.logout_token())

    response = ada.post("/api/refresh")

    assert ada.tokens() == {
        "offline": [],
        "session": {
            "sid": "sid-1",
            "signed_in": False,
            "access_token": None,
            "refresh_token": None,
            "id_token": None,
        },
    }
    assert (response.status_code, response.json["error"]) == (409, "no_refresh_token")
    assert not ada.state()["has_refresh_token"]


@pytest.mark.spec("backchannel OP 9, backchannel §2.7")
def test_an_offline_refresh_token_outlives_the_session(red, ada, provider):
    ada.sign_in(OFFLINE)
    red.tell(provider.logout_token())

    response = ada.post("/api/refresh")

    assert not ada.state()["signed_in"]
    assert (response.status_code, response.json["session_has_ended"]) == (200, True)
    assert len(ada.tokens()["offline"]) == 1
    assert ada.get("/api/userinfo").json["status"] == 200


def test_a_refresh_token_refused_for_good_is_forgotten(red, ada, provider):
    ada.sign_in(OFFLINE)
    provider.refresh_tokens.clear()

    responses = [ada.post("/api/refresh") for _ in range(2)]

    assert [response.json["error"] for response in responses] == ["invalid_grant", "no_refresh_token"]
    assert responses[0].status_code == 400


def test_a_refresh_token_survives_a_provider_that_is_away(ada, provider):
    ada.sign_in()
    provider.is_down = True
    response = ada.post("/api/refresh")
    provider.is_down = False

    assert (response.status_code, response.json["error"]) == (502, "provider_unreachable")
    assert ada.post("/api/refresh").status_code == 200


def test_a_logout_during_a_refresh_wins(red, ada, provider):
    ada.sign_in()
    provider.before_refresh_response = lambda: red.tell(provider.logout_token())

    response = ada.post("/api/refresh")

    assert (response.status_code, response.json["error"]) == (409, "session_ended")
    assert ada.tokens()["session"]["refresh_token"] is None


def test_two_refreshes_at_once_do_not_look_like_theft(red, ada):
    ada.sign_in()
    cookie = ada.http.get_cookie("rp_red", domain="localhost").value
    statuses = []

    def refresh():
        browser = red.browser()
        browser.http.set_cookie("rp_red", cookie, domain="localhost")
        statuses.append(browser.post("/api/refresh").status_code)

    threads = [threading.Thread(target=refresh) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [200] * 4


@pytest.mark.spec("core 24")
def test_a_refreshed_id_token_of_another_person_is_refused(ada, provider):
    ada.sign_in()
    provider.sub = "ben"

    response = ada.post("/api/refresh")

    assert (response.status_code, response.json["error"]) == (502, "invalid_id_token")


def test_userinfo_tells_the_providers_refusal(ada, provider):
    ada.sign_in()
    provider.access_tokens.clear()

    assert ada.get("/api/userinfo").json == {"status": 401, "body": {"error": "invalid_token"}}


def test_userinfo_without_a_token_says_so(ada):
    assert ada.get("/api/userinfo").json["status"] == 409


def test_the_buttons_show_the_outcome_on_the_page(ada):
    ada.sign_in()

    userinfo, refreshed = ada.post("/try/userinfo").text, ada.post("/try/refresh").text

    assert "ada@example.org" in userinfo
    assert 'id="outcome"' in refreshed
    assert ada.tokens()["session"]["access_token"] not in refreshed


def test_tokens_are_shown_only_when_the_app_was_asked_to(make_app):
    browser = make_app(expose_tokens=False).browser()
    browser.sign_in()

    assert browser.get("/api/tokens").status_code == 404


def test_no_token_is_ever_printed(red, ada, provider, capsys):
    ada.sign_in(OFFLINE)
    secrets = [
        value for value in ada.tokens()["session"].values() if isinstance(value, str) and len(value) > 10
    ]
    token = provider.logout_token()
    red.tell(token)
    red.tell(provider.logout_token(nonce="n"))

    printed = capsys.readouterr().out

    assert "rp_signed_in" in printed
    assert "rp_logout_token" in printed
    assert not any(secret in printed for secret in [*secrets, token])


def test_people_may_have_the_app_call_its_apis(make_app, provider):
    browser = make_app(apis=(("directory", f"{provider.issuer}/userinfo"),)).browser()
    browser.sign_in()

    assert 'id="call-directory"' in browser.get("/").text
    assert "ada@example.org" in browser.post("/try/api/directory").text
    assert browser.post("/try/api/another").status_code == 404

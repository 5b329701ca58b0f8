"""No endpoint takes a parameter that is not UTF-8, and none fails on it."""

from urllib.parse import urlencode

import pytest

from provider.sessions.queries import find_live
from tests.factories import STRAIGHT_BACK, make_client, make_session
from tests.support.browsers import id_token_of, query_of, show_session

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
FORM = "application/x-www-form-urlencoded"


@pytest.mark.spec("rfc6749 §4.1.2.1")
def test_an_authorization_request_is_refused_at_the_app_without_the_state(signed_in, rp):
    sent = urlencode(rp.request(state=None)) + "&state=%ff"

    response = signed_in.get(f"/authorize?{sent}")

    said = query_of(response)
    assert response.headers["Location"].startswith(rp.redirect_uri)
    assert said["error"] == "invalid_request"
    assert said["error_description"] == "the parameter state is not UTF-8"
    assert "state" not in said


@pytest.mark.parametrize("path", ["/token", "/par", "/revoke", "/introspect", "/device-authorization"])
def test_programs_are_answered_by_json(http, app, path):
    response = http.post(path, data=b"client_id=red&token=%ff&state=%ff", content_type=FORM)

    assert response.status_code == 400
    assert "is not UTF-8" in response.json["error_description"]


@pytest.mark.parametrize("path", ["/userinfo", "/account/sessions"])
def test_a_query_beside_a_token_is_refused_as_well(http, app, path):
    response = http.get(f"{path}?access_token=%ff")

    assert response.status_code == 400
    assert "is not UTF-8" in response.json["error_description"]


@pytest.mark.parametrize(
    "path", ["/device?user_code=%ff", "/session/end/confirm?ticket=%ff", "/account?x=%ff"]
)
def test_people_are_shown_a_page(signed_in, path):
    response = signed_in.get(path)

    assert response.status_code == 400
    assert "is not UTF-8" in response.text


@pytest.mark.parametrize("path", ["/session/end/confirm", "/account/others", "/account/password", "/device"])
def test_a_form_of_a_page_is_refused(signed_in, path):
    response = signed_in.post(path, data=b"csrf=%ff&ticket=%ff", content_type=FORM)

    assert response.status_code == 400


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_sign_out_is_honoured_and_leads_back_to_no_app(http, ada, method):
    red = make_client("red", settings=STRAIGHT_BACK)
    made = make_session(ada, [red])
    show_session(http, made)
    sent = f"id_token_hint={id_token_of(red, made.grants['red'])}&state=%ff"
    sent += "&post_logout_redirect_uri=https://red.test/signed-out"

    if method == "GET":
        response = http.get(f"/session/end?{sent}")
    else:
        response = http.post("/session/end", data=sent.encode(), content_type=FORM)

    assert find_live(made.handle) is None
    shown = http.get(response.headers["Location"])
    assert 'data-parameter="state" data-why="malformed"' in shown.text


def test_a_style_sheet_is_served_whatever_the_query(http, app):
    with http.get("/static/live.js?v=%ff") as response:
        assert response.status_code == 200

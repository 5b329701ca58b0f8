"""A form counts only if this browser got it from us for this purpose (SEC-304)."""

import pytest

pytestmark = pytest.mark.usefixtures("failing")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 200, id="a browser that says nothing"),
        pytest.param(
            {"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 200, id="our page, without referrer"
        ),
        pytest.param({"Origin": "http://localhost:8900"}, 200, id="our origin"),
        pytest.param({"Sec-Fetch-Site": "none"}, 200, id="a reload"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, 403, id="another site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, 403, id="a neighbouring host"),
        pytest.param({"Origin": "https://evil.test"}, 403, id="another origin"),
    ],
)
def test_the_form_of_this_browser_is_taken_from_our_pages_only(http, headers, status):
    token = http.get("/form").json["token"]

    assert http.post("/form", data={"csrf": token}, headers=headers).status_code == status


@pytest.mark.spec("core 7")
def test_another_browsers_form_is_refused(http, browser):
    token = browser().get("/form").json["token"]
    http.get("/form")

    assert http.post("/form", data={"csrf": token}).status_code == 403


@pytest.mark.parametrize("sent", [{}, {"csrf": ""}, {"csrf": "päss"}, {"csrf": "A" * 43}])
def test_a_form_without_its_token_is_refused(http, sent):
    http.get("/form")

    page = http.post("/form", data=sent)

    assert page.status_code == 403
    assert 'id="error-heading"' in page.text

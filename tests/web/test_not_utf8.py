"""Parameters that are not UTF-8 are refused by name and never come back changed (rfc6749 appendix B)."""

import pytest

pytestmark = pytest.mark.usefixtures("failing")
FORM = "application/x-www-form-urlencoded"

ODDITIES = [
    pytest.param(b"state=%ff", id="a percent-encoded byte"),
    pytest.param(b"state=a\xff", id="a raw byte"),
    pytest.param(b"state=%ed%a0%80", id="an unpaired surrogate"),
    pytest.param(b"state=%c3&nonce=%a4", id="a character over two parameters"),
    pytest.param(b"%ff=1", id="a name"),
]


@pytest.mark.parametrize("sent", ODDITIES)
def test_a_query_that_is_not_utf8_is_refused_by_name(http, sent):
    response = http.get("/read", environ_overrides={"QUERY_STRING": sent.decode("latin-1")})

    assert response.status_code == 400
    assert "is not UTF-8" in response.text


@pytest.mark.parametrize("sent", ODDITIES)
def test_a_body_that_is_not_utf8_is_refused_by_name(http, sent):
    response = http.post("/read", data=sent, content_type=FORM)

    assert response.status_code == 400
    assert "is not UTF-8" in response.text


@pytest.mark.parametrize("sent", ODDITIES)
def test_a_form_of_ours_that_is_not_utf8_is_refused(http, sent):
    assert "is not UTF-8" in http.post("/form", data=b"csrf=x&" + sent, content_type=FORM).text


def test_other_letters_than_ascii_are_taken_as_they_are(http):
    body = "state=%c3%a4ö%F0%9F%8E%89".encode()

    assert http.post("/read", data=body, content_type=FORM).json == {"state": "äö🎉"}
    assert http.get("/read", query_string="state=%c3%a4").json == {"state": "ä"}

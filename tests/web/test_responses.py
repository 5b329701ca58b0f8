"""Responses are sent as Werkzeug sends them, with the headers that all have."""

import pytest
from flask import Flask, Response
from werkzeug.test import TestResponse, run_wsgi_app

from provider.web.redirects import redirect


def sent(app: Flask, answer: Response, method: str = "GET") -> TestResponse:
    """Return what a client gets of a view's response."""
    with app.test_request_context(method=method) as context:
        response = app.process_response(app.make_response(answer))
        return TestResponse(*run_wsgi_app(response, context.request.environ), context.request)


@pytest.mark.parametrize(
    ("answer", "method", "body", "length"),
    [
        pytest.param(Response("plain"), "GET", "plain", 5, id="a text"),
        pytest.param(Response("plain"), "HEAD", "", 5, id="its head"),
        pytest.param(Response(iter([b"a", b"b"])), "GET", "ab", None, id="parts"),
        pytest.param(Response(["a", "b"], headers={"Content-Length": "2"}), "GET", "ab", 2, id="texts"),
        pytest.param(Response(status=204), "GET", "", None, id="no body"),
        pytest.param(Response("old", 304), "GET", "", None, id="nothing new"),
    ],
)
def test_a_body_is_sent(app, answer, method, body, length):
    response = sent(app, answer, method)

    assert (response.text, response.content_length) == (body, length)
    assert response.headers["X-Frame-Options"] == "DENY"


def test_a_redirect_has_an_ascii_address(app):
    response = sent(app, redirect("https://red.test/caf\u00e9"))

    assert (response.status_code, response.location) == (303, "https://red.test/caf%C3%A9")
    assert response.headers["Referrer-Policy"] == "no-referrer"


def test_a_redirect_shows_its_address_and_no_markup_in_it(app):
    response = sent(app, redirect('https://red.test/?a=1&b="<b>'))

    assert response.text.count("https://red.test/?a=1&amp;b=&#34;&lt;b&gt;") == 2
    assert response.content_length == len(response.data)
    assert response.mimetype == "text/html"


def test_a_redirect_is_one_line(app):
    with pytest.raises(ValueError, match="newline"):
        redirect("https://red.test/\r\nSet-Cookie: a=b")


@pytest.mark.parametrize(
    "address", ["https://Red.test/callback?code=cfc_x&iss=https%3A%2F%2Fid.test", "com.example.app:/?a=b~#"]
)
def test_a_redirect_to_an_ascii_address_changes_nothing_in_it(app, address):
    response = sent(app, redirect(address))

    assert (response.status_code, response.location) == (303, address)
    assert response.text.startswith("<!doctype html>")


def test_a_header_of_the_response_itself_stands(app):
    own = {"Content-Security-Policy": "sandbox", "Vary": "Accept"}

    headers = sent(app, Response("own", headers=own)).headers

    assert headers.getlist("Content-Security-Policy") == ["sandbox"]
    assert headers.getlist("Vary") == ["Accept, Cookie"]

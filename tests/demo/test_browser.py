"""The browser without a screen, against a small site of its own."""

import threading
from collections.abc import Iterator
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from flask import Flask, redirect, request

from demo.browser import Browser, NotOnPage

PAGE = """
<h1>Sign <em>in</em></h1>
<form method="post" action="/in?from=page">
  <input type="hidden" name="csrf" value="secret">
  <input id="username" name="user"><input id="remember" type="checkbox" name="remember" value="1">
  <button id="sign-in" name="go" value="yes">Sign in</button><button id="cancel">Cancel</button>
</form>
<a id="elsewhere" href="/elsewhere">Elsewhere</a>
"""


class Silent(WSGIRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def site() -> Iterator[str]:
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: PAGE, endpoint="page")
    app.add_url_rule(
        "/in", view_func=lambda: {**request.form, **request.args}, methods=["POST"], endpoint="in"
    )
    app.add_url_rule("/elsewhere", view_func=lambda: redirect("/?error=login_required"), endpoint="elsewhere")
    with make_server("127.0.0.1", 0, app, handler_class=Silent) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_button_sends_its_form_with_its_own_name_and_hidden_fields(site):
    browser = Browser()
    browser.open(site)
    sent = []
    browser._session.hooks["response"].append(lambda response, **_: sent.append(response.json()))

    browser.press("sign-in", username="ada")

    assert sent == [{"csrf": "secret", "user": "ada", "go": "yes", "from": "page"}]


def test_a_link_is_followed_and_the_way_is_remembered(site):
    browser = Browser()
    browser.open(site)

    browser.press("elsewhere")

    assert browser.answer("error") == "login_required"
    assert browser.where.endswith("/ (200 Sign in)")


@pytest.mark.parametrize(
    ("button", "entries"),
    [
        pytest.param("sign-up", {}, id="a button that is not there"),
        pytest.param("sign-in", {"password": "x"}, id="a field that is not there"),
    ],
)
def test_what_is_not_on_the_page_is_said(site, button, entries):
    browser = Browser()
    browser.open(site)

    with pytest.raises(NotOnPage, match=f"{button}|password"):
        browser.press(button, **entries)

"""The browser of the tests: each of them finds it as if nothing had been visited."""

import pytest
from flask import Flask, request

from tests.support.chromium import forget
from tests.support.demo import free_run
from tests.support.serving import serving

pytestmark = pytest.mark.browser
LEFT = "[document.body.textContent, localStorage.length, sessionStorage.length]"


def test_a_site_that_was_visited_is_forgotten(context):
    app, visits = Flask(__name__), []

    @app.get("/")
    def visit():
        visits.append(request.cookies.get("seen"))
        return f"visit {len(visits)}", {"Cache-Control": "max-age=600", "Set-Cookie": "seen=yes"}

    with serving(app, port := free_run(1)):
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        page.evaluate("localStorage.seen = sessionStorage.seen = 'yes'")
        assert page.evaluate(LEFT) == ["visit 1", 1, 1]

        forget(context)

        assert len(context.pages) == 1
        again = context.new_page()
        again.goto(f"http://127.0.0.1:{port}/")
        assert again.evaluate(LEFT) == ["visit 2", 0, 0]
    assert visits == [None, None]

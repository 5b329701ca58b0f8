"""Times on pages: in UTC with the exact one in a title, and a script that shows the browser's own zone."""

import re
from datetime import timedelta

import pytest

from provider.infrastructure import clock
from tests.factories import make_account, make_client, make_session
from tests.support.browsers import show_session

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TIME = re.compile(
    r'<time datetime="([^"]+)" data-form="date" title="([^"]+) UTC">[^<]+ UTC</time> \(([^)]+)\)'
)


def times_of(page) -> list[tuple[str, str, str]]:
    return TIME.findall(page.text)


@pytest.mark.parametrize(("language", "age"), [("en", "1 minute ago"), ("de", "vor 1 Minute")])
def test_a_list_says_when_exactly_and_how_long_ago(http, app, turned_clock, language, age):
    show_session(http, make_session(make_account(), [make_client()]))
    day_of_sign_in = clock.now().date()
    turned_clock.turn(timedelta(minutes=1))

    page = http.get("/account", headers={"Accept-Language": language})

    (began, exact, ago), *_ = times_of(page)
    assert began.replace("T", " ").removesuffix("+00:00") == exact
    assert ago == age
    assert exact.startswith(day_of_sign_in.isoformat())


def test_a_page_with_times_brings_the_script_that_shows_them_in_the_browsers_zone(http, app):
    show_session(http, make_session(make_account()))

    page = http.get("/account")
    address = re.search(r'<script src="(/static/times.js[^"]*)" defer>', page.text)[1]

    assert page.text.index("<time ") < page.text.index("times.js")
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    with http.get(address) as script:
        assert (script.status_code, script.mimetype) == (200, "text/javascript")
        assert "DateTimeFormat" in script.text
    assert "times.js" not in http.get("/nowhere").text

"""Rules for every page: it can be read by everybody, without script, and driven by stable ids."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import product
from uuid import UUID

import pytest

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.holdings.queries import HeldSession
from provider.logout.models import Logout, LogoutScope
from provider.logout.preview import Preview, PreviewedApp
from provider.logout.signed_tokens import SignedTokens
from provider.pages.nothing_waits import Reason
from provider.sessions.models import Session
from provider.web.error_pages import error_page
from provider.web.layout import page

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PERSON = {"person": "Ada <b>", "username": "ada", "ticket": "ticket", "csrf": "token"}
ENDS = [{"name": "Red <b>", "will_be_notified": True}, {"name": "Blue", "will_be_notified": False}]
STATES = [
    *("notified", "pending", "trying", "refusing", "cancelled", "expired", "superseded"),
    *("no_address", "not_notified"),
]
APPS = [{"name": "Red <b>", "state": state, "at": NOW, "latency_ms": 84, "ends_by": NOW} for state in STATES]
UNUSABLE = [
    {"name": "client_id", "why": "not_of_hint"},
    {"name": "id_token_hint", "why": "encrypted"},
    *({"name": "state", "why": why} for why in ("repeated", "too_long", "malformed")),
    *(
        {"name": "post_logout_redirect_uri", "why": why, "value": "<b>"}
        for why in ("unregistered", "of_no_client", "disabled")
    ),
]
ADA = Account(username="ada", claims={"name": "Ada <b>"})
RED, BLUE = (Client(client_id=name, registered={"client_name": name}) for name in ("Red <b>", "Blue"))
HERE = HeldSession(
    session=Session(id=UUID(int=1), device="Firefox <b>", created_at=NOW, last_seen_at=NOW), apps=(RED, BLUE)
)
WILL_END = tuple(
    PreviewedApp(client=client, will_be_notified=notified, until=NOW, offline=not notified, survives=False)
    for client, notified in ((RED, True), (BLUE, False))
)
PAST = [
    Logout(id=UUID(int=number), at=NOW, scope=scope, initiator=initiator, notifications=number)
    for number, (scope, initiator) in enumerate(
        product(LogoutScope, ("account", "client", "admin", "system"))
    )
]
SAYS = {
    "app_logo": "/apps/red/logo?<b>",
    "policy_uri": "https://red.test/privacy?<b>",
    "tos_uri": "https://red.test/terms",
}
PAGES = {
    "sign in": (
        "sign_in.html",
        {"app_name": "Red <b>", "username": "ada", "sentence": "Wrong.", "csrf": "t"} | SAYS,
    ),
    "consent": (
        "consent.html",
        {
            "account": ADA,
            "app_name": "Red <b>",
            "app_domain": "red.test",
            "scopes": ["openid", "profile", "own:<b>"],
            "claims": ["birthday", "<b>"],
            "offline_until": NOW,
            "csrf": "t",
        }
        | SAYS,
    ),
    "form post": (
        "form_post.html",
        {"app_name": "Red <b>", "action": "https://red.test/cb", "pairs": {"state": "<b>", "code": "c"}},
    ),
    "confirm": (
        "session_end_confirm.html",
        PERSON
        | {
            "app_name": "Red <b>",
            "ends": ENDS,
            "survives": [{"name": "Green", "until": NOW}],
            "signed_tokens": [SignedTokens(client=RED, until=NOW)],
            "can_end_app": True,
            "can_end_everywhere": True,
        },
    ),
    "confirm without cookie": (
        "session_end_confirm.html",
        PERSON
        | {"person": None, "username": None, "ends": ENDS[:1], "by_hint": True, "app_name": "Red <b>"}
        | {"client_id": "red", "unusable": UNUSABLE},
    ),
    "everywhere": (
        "session_end_everywhere.html",
        {"ticket": "ticket", "csrf": "token", "account": ADA, "own": HERE.session}
        | {"sessions": [HERE], "preview": Preview(apps=WILL_END, sessions=(HERE,), session_count=1)},
    ),
    "ended": ("session_ended.html", {"apps": APPS, "pending": True, "scope": "browser", "state_url": "/s"}),
    "ended, not sent back": (
        "session_ended.html",
        {
            "apps": [],
            "scope": "browser",
            "unusable": UNUSABLE,
            "client_id": "<b>",
            "continue_name": "Red <b>",
        },
    ),
    "ended, none": ("session_ended.html", {"apps": [], "continue_url": "https://red.test/", "scope": None}),
    "kept": ("session_kept.html", {"continue_name": "Red <b>"}),
    **{
        f"nothing waits: {reason}": (
            "nothing_waits.html",
            {"reason": reason, "app_name": name, "next_page": address, "reference": "reference"},
        )
        for reason in Reason
        for name, address in ((None, None), ("Red <b>", "https://red.test/"))
    },
    "past sign-outs": (
        "account_sign_outs.html",
        {"account": ADA, "next_url": "/account/sign-outs?after=x"}
        | {"logouts": PAST, "states": {one.id: {"notified": 1} for one in PAST}},
    ),
    "no past sign-outs": ("account_sign_outs.html", {"account": ADA, "logouts": []}),
    "front": ("front.html", {"account": None}),
    "device": ("device.html", {"account": ADA, "typed": "BCDF-GHJK", "sentence": "Wrong.", "csrf": "t"}),
    "device, asked": (
        "device_confirm.html",
        {
            "account": ADA,
            "app_name": "Red <b>",
            "shown_code": "BCDF-GHJK",
            "asked_at": NOW,
            "device": "TV <b>",
            "ip": "192.0.2.1",
            "scopes": ["openid", "email", "offline_access", "own:<b>"],
            "offline_until": NOW,
        },
    ),
    "device, let in": ("device_answered.html", {"app_name": "Red <b>", "allowed": True}),
    "device, kept out": ("device_answered.html", {"app_name": "Red <b>", "allowed": False}),
}


class Outline(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def all(self, name):
        return [attrs for tag, attrs in self.tags if tag == name]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Use SQLite alone: the look of a page does not depend on the database."""
    return sqlite_url


@pytest.fixture(params=["en", "de"])
def language(request):
    return request.param


@pytest.fixture(params=sorted(PAGES))
def html(request, app, language):
    template, context = PAGES[request.param]
    with app.test_request_context(headers={"Accept-Language": language}):
        return page(template, **context).get_data(as_text=True)


def test_a_page_has_one_heading_its_language_and_a_way_past_the_frame(html, language):
    outline = Outline(html)

    assert len(outline.all("h1")) == 1
    assert outline.all("html") == [{"lang": language}]
    assert outline.all("a")[0] == {"class": "skip", "href": "#content"}
    assert outline.all("main")[0]["id"] == "content"
    assert re.search(r"<title>\s*\S.* – Curfew</title>", html)


def test_a_page_has_neither_script_nor_style_in_it(html):
    outline = Outline(html)

    ours = ("/static/live.js?v=", "/static/form_post.js?v=", "/static/times.js?v=")
    assert all(attrs["src"].startswith(ours) for attrs in outline.all("script"))
    assert html.count("<script") == html.count("></script>")
    assert not outline.all("style")
    assert not [name for _tag, attrs in outline.tags for name in attrs if name == "style" or name[:2] == "on"]


def test_names_of_registrants_are_text(html):
    assert "<b>" not in html


def test_every_field_has_its_label_and_no_id_stands_twice(html):
    outline = Outline(html)
    labelled = {attrs["for"] for attrs in outline.all("label")}
    ids = [attrs["id"] for _tag, attrs in outline.tags if "id" in attrs]

    assert all(f.get("type") == "hidden" or f["id"] in labelled for f in outline.all("input"))
    assert len(ids) == len(set(ids))
    assert {attrs.get("aria-labelledby") for _tag, attrs in outline.tags} <= {*ids, None}


@pytest.mark.parametrize(
    ("name", "buttons"),
    [
        ("sign in", {"sign-in", "cancel"}),
        ("consent", {"allow", "deny"}),
        ("form post", {"continue"}),
        ("confirm", {"sign-out", "sign-out-this-app", "sign-out-everywhere", "cancel"}),
        ("confirm without cookie", {"sign-out", "cancel"}),
        ("everywhere", {"sign-out-everywhere-confirm", "cancel"}),
    ],
)
def test_buttons_have_stable_ids(app, name, buttons):
    template, context = PAGES[name]
    with app.test_request_context():
        outline = Outline(page(template, **context).get_data(as_text=True))

    assert {attrs["id"] for attrs in outline.all("button")} == buttons


def test_the_result_page_says_each_state_and_looks_again_while_one_is_open(app):
    template, context = PAGES["ended"]
    with app.test_request_context():
        outline = Outline(page(template, **context).get_data(as_text=True))

    assert [attrs["data-state"] for attrs in outline.all("li")] == STATES
    assert {"http-equiv": "refresh", "content": "3"} in outline.all("meta")


@pytest.mark.parametrize("status", [400, 403, 404, 405, 410, 413, 429, 500, 503])
def test_every_error_page_has_its_own_words(app, language, status):
    with app.test_request_context(headers={"Accept-Language": language}):
        shown = error_page(status, "a_code").get_data(as_text=True)

    assert len(re.findall(r'<h1 id="error-heading">[^<]+</h1>', shown)) == 1
    assert 'id="error-code">a_code<' in shown

"""Forms behind a CSRF token, and what a registered client may replace: none is expensive to refuse."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from provider.administration import accounts, roles
from provider.infrastructure.database import transaction
from provider.protocol.client_metadata import FIELDS
from tests.factories import PASSWORD, make_account, make_client, make_session
from tests.support.applications import opened
from tests.support.browsers import Page, follow, show_session
from tests.support.device import Device
from tests.support.hostile import CPU_SECONDS, JSON, SIZE, TEXTS, cpu_of, post_raw
from tests.support.registering import Registrant, bearer

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def settings(settings):
    unlimited = "100000 per second"
    return replace(
        settings,
        registration="open",
        registration_limit=unlimited,
        device_code_limit_account=unlimited,
        device_code_limit_address=unlimited,
        device_request_limit_address=unlimited,
    )


# Members whose reading does more than compare.
EXPENSIVE = (
    *("client_name", "client_name#de", "redirect_uris", "scope", "jwks_uri", "software_statement"),
    *("tls_client_auth_subject_dn", "client_secret"),
)
Opened = Callable[[], Page]


@pytest.fixture
def forms(app, http, parked) -> dict[str, Opened]:
    """Every form behind a CSRF token, opened by a person who may send it."""
    ada, ben = make_account("ada"), make_account("ben")
    green = make_client("green", first_party=False)
    tv = Device(app)

    def signed_in(path: str, *, elsewhere: bool = False) -> Opened:
        def open_() -> Page:
            if elsewhere:
                make_session(ada)
            show_session(http, make_session(ada, [green]))
            return Page(http, follow(http, http.get(path)))

        return open_

    def consent() -> Page:
        show_session(http, make_session(ada))
        handle = parked(http, green, consent_scope="openid profile")
        return Page(http, http.get(f"/consent/{handle}"))

    def device_question() -> Page:
        show_session(http, make_session(ada))
        page = Page(http, http.get("/device"))
        return Page(http, page.press("continue", user_code=tv.begin()["user_code"]))

    def linked(path: str, begin: Callable[[], tuple[object, str | None]]) -> Opened:
        def open_() -> Page:
            visitor = app.test_client()
            with transaction():
                _begun, handle = begin()
            return Page(visitor, visitor.get(f"/account/{path}/{handle}"))

        return open_

    return {
        "first administrator": linked("first-administrator", roles.offer_first),
        "new password": linked("new-password", lambda: accounts.begin_reset(ben)),
        "sign in": lambda: Page(http, http.get(f"/sign-in/{parked(http)}")),
        "consent": consent,
        "account": signed_in("/account"),
        "everywhere": signed_in("/account/everywhere"),
        "others": signed_in("/account/others", elsewhere=True),
        "password": signed_in("/account/password"),
        "device": signed_in("/device"),
        "device question": device_question,
        "sign out": signed_in("/session/end"),
    }


def test_each_of_these_is_a_form_with_a_token(app, forms):
    """No form is left out by accident: what has none is sent by apps, or held by another test."""
    opened = {name: open_() for name, open_ in forms.items()}
    for name, page in opened.items():
        assert page.fields.get("csrf") or page.fields.get("ticket"), (name, page.html)

    # tests/console and tests/admin_api walk over theirs.
    theirs = ("/admin/", "/api/admin/")
    pages = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if "POST" in rule.methods and not rule.rule.startswith(theirs)
    }
    machines = {
        *("/authorize", "/device-authorization", "/global-token-revocation", "/introspect", "/par"),
        *("/register", "/revoke", "/token", "/userinfo", "/account/sign-out-everywhere", "/session/end"),
    }
    sent_to = {page.action.partition("?")[0] for page in opened.values()}
    assert {rule for rule in pages - machines if not any(_fits(rule, path) for path in sent_to)} == set()


def _fits(rule: str, path: str) -> bool:
    return path == rule or ("<" in rule and path.startswith(rule.partition("<")[0]))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_form_behind_a_token_is_expensive(forms, text):
    expensive = {}
    for name, open_ in forms.items():
        page = open_()
        buttons = {button: value for button, value in page.form_buttons.values() if button}
        right = page.fields | {"username": "ada", "password": PASSWORD} | buttons
        for field in [*right, "an unknown one"]:
            typed = right | {field: text[: len(text) - 2000]}
            cost, status = cpu_of(lambda page=page, typed=typed: post_raw(page.browser, page.action, typed))
            assert status < 500, (name, field)
            if cost > CPU_SECONDS:
                expensive[name, field] = cost

    assert expensive == {}


def test_no_form_of_many_fields_or_parts_is_expensive(forms):
    for name, open_ in forms.items():
        page = open_()
        token = "&".join(f"{field}={value}" for field, value in page.fields.items())
        many = token + "".join(f"&a{number}=" for number in range(SIZE // 10))
        parts = "".join(
            f'--x\r\nContent-Disposition: form-data; name="a{n}"\r\n\r\n\r\n' for n in range(SIZE // 60)
        )
        kinds = {
            "application/x-www-form-urlencoded": many,
            "multipart/form-data; boundary=x": f"{parts}--x--",
        }
        for kind, body in kinds.items():
            cost, status = cpu_of(
                lambda page=page, body=body, kind=kind: page.browser.post(
                    page.action, data=body.encode(), content_type=kind
                )
            )
            assert status < 500
            assert cost < CPU_SECONDS, (name, kind)


class Owner:
    """A self-registered client, which sends its registration in again."""

    def __init__(self, app) -> None:
        self.http = app.test_client(use_cookies=False)
        self.made = Registrant(self.http).registered()

    def put(self, body: str):
        path = self.made["registration_client_uri"].partition("8900")[2]
        headers = bearer(self.made["registration_access_token"])
        response = self.http.put(path, data=body.encode(), content_type="application/json", headers=headers)
        if response.status_code == 200:
            self.made = response.json
        return response


@pytest.fixture
def owner(settings):
    with opened(settings) as app:
        yield Owner(app)


@pytest.mark.parametrize("document", JSON.values(), ids=JSON)
def test_no_replacement_is_expensive(owner, document):
    said = document
    if document.startswith('{"') and "redirect_uris" in document:
        said = document.replace("{", f'{{"client_id": "{owner.made["client_id"]}", ', 1)

    cost, status = cpu_of(lambda: owner.put(said))

    assert status in (200, 400, 413)
    assert cost < CPU_SECONDS


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_member_of_a_replacement_is_expensive(owner, text):
    everything = dict.fromkeys(FIELDS, text[: len(text) // len(FIELDS) - 40])
    asked = [everything, {member: [value] for member, value in everything.items()}]
    asked += [{member: text} for member in EXPENSIVE] + [{member: [text]} for member in EXPENSIVE]
    costs = {}
    for members in asked:
        sent = {"client_id": owner.made["client_id"], "redirect_uris": ["https://red.test/cb"]} | members
        # It has to fit into the body, so characters stay as they are.
        body = json.dumps(sent, ensure_ascii=False)
        costs[tuple(members)], status = cpu_of(lambda body=body: owner.put(body))
        assert status in (200, 400, 413), (tuple(members), status)

    assert {members: cost for members, cost in costs.items() if cost > CPU_SECONDS} == {}


def test_the_honest_neighbour_is_served(owner, forms):
    body = {
        "client_id": owner.made["client_id"],
        "redirect_uris": ["https://red.test/cb"],
        "client_name": "Rot",
    }

    assert owner.put(json.dumps(body)).json["client_name"] == "Rot"
    page = forms["sign in"]()
    assert page.press("sign-in", username="ada", password=PASSWORD).status_code == 303
    assert 'id="device-allowed"' in forms["device question"]().press("allow").text

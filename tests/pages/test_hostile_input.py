"""What anybody may send costs little before it is refused, however it was chosen."""

import json
import time
from dataclasses import replace

import pytest

from tests.factories import PASSWORD, make_account, make_session
from tests.support.browsers import Page, show_session

CPU_SECONDS = 0.1
# A little less than the largest body that is taken.
SIZE = 120 * 1024
# Combining marks of changing classes: normalising sorts them, by the square of their number.
MARKS = ("\u0315\u0300\u05ae\u0301" * SIZE)[: SIZE // 2]
LIGATURES = "\ufdfa" * (SIZE // 3)
TEXTS = {
    "combining marks": "a" + MARKS,
    "characters that become eighteen": LIGATURES,
    "jamo": "\u1100\u1161\u11a8" * (SIZE // 9),
    "digits": "9" * SIZE,
    "spaces": " " * (SIZE // 2) + "a",
    "brackets": "[" * SIZE,
    "percent signs": "%" * (SIZE // 3),
    "dots": "." * SIZE,
}
JSON = {
    "deep": "[" * (SIZE // 2) + "]" * (SIZE // 2),
    "deep objects": '{"a":' * (SIZE // 6) + "1" + "}" * (SIZE // 6),
    "a long list": json.dumps({"redirect_uris": ["https://a.test/"] * (SIZE // 20)}),
    "a long number": '{"default_max_age": ' + "9" * SIZE + "}",
    "a long fraction": '{"default_max_age": 0.' + "9" * SIZE + "}",
    "a long exponent": '{"default_max_age": 1e' + "9" * SIZE + "}",
    "many members": json.dumps({f"m{number}": number for number in range(SIZE // 20)}),
    "a hostile name": json.dumps(
        {"redirect_uris": ["https://a.test/"], "client_name": MARKS}, ensure_ascii=False
    ),
    "many scopes": json.dumps({"redirect_uris": ["https://a.test/"], "scope": "a " * (SIZE // 2)}),
}
# What the protocol's endpoints read, each of which may be the one that is expensive.
NAMES = (
    *("token", "code", "client_id", "client_secret", "client_assertion", "scope", "resource", "request"),
    *("redirect_uri", "id_token_hint", "state", "ui_locales", "claims", "user_code", "subject_token"),
)


def cpu_of(ask) -> tuple[float, int]:
    """The least CPU of three tries: others on this machine disturb its caches."""
    least, status = float("inf"), 0
    for _ in range(3):
        begun = time.thread_time()
        status = ask().status_code
        least = min(least, time.thread_time() - begun)
        if least < CPU_SECONDS:
            break
    return least, status


def post_raw(http, path: str, fields: dict[str, str]):
    """Send a form with nothing encoded that need not be: three times as much fits into a body."""
    body = "&".join(f"{name}={value.replace('%', '%25')}" for name, value in fields.items())
    return http.post(path, data=body.encode(), content_type="application/x-www-form-urlencoded")


@pytest.fixture
def settings(settings):
    return replace(settings, registration="open", registration_limit="10000 per hour")


@pytest.fixture
def form_paths(app):
    rules = [rule for rule in app.url_map.iter_rules() if "POST" in rule.methods and not rule.arguments]
    return sorted({rule.rule for rule in rules})


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_form_is_expensive(http, form_paths, text):
    http.post("/token", data={"grant_type": "x"})
    costs = {}
    for path in form_paths:
        costs[path, "only"], status = cpu_of(lambda path=path: post_raw(http, path, {"a": text}))
        assert status < 500
        many = dict.fromkeys(NAMES, text[: 8000 // len(text[:1].encode())])
        costs[path, "all"], status = cpu_of(lambda path=path, many=many: post_raw(http, path, many))
        assert status < 500

    assert {name: cost for name, cost in costs.items() if cost > CPU_SECONDS} == {}


@pytest.mark.parametrize("document", JSON.values(), ids=JSON)
def test_no_document_is_expensive(http, form_paths, document):
    costs = {}
    for path in form_paths:
        cost, status = cpu_of(
            lambda path=path: http.post(path, data=document.encode(), content_type="application/json")
        )
        costs[path] = cost
        assert status < 500

    assert {path: cost for path, cost in costs.items() if cost > CPU_SECONDS} == {}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("field", ["username", "password"])
def test_no_name_and_no_password_is_expensive(http, parked, text, field):
    make_account("ada")
    page = Page(http, http.get(f"/sign-in/{parked(http)}"))
    typed = page.fields | {"username": "ada", "password": "wrong password"} | {field: text}

    cost, status = cpu_of(lambda: post_raw(http, page.action, typed))

    assert status in (200, 400, 429)
    assert cost < CPU_SECONDS


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("field", ["current", "new"])
def test_no_new_password_is_expensive(http, text, field):
    show_session(http, make_session(make_account("ada")))
    page = Page(http, http.get("/account/password"))
    assert {"current", "new"} <= set(page.fields)
    # A new one is typed twice, and both must fit into the body.
    typed = page.fields | {"current": PASSWORD, "new": PASSWORD, field: text[: len(text) // 2 - 1000]}
    typed["again"] = typed["new"]

    cost, status = cpu_of(lambda: post_raw(http, page.action, typed))

    assert status in (200, 400, 429)
    assert cost < CPU_SECONDS

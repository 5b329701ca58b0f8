"""A hostile request costs little before it is refused, however it was chosen."""

from dataclasses import replace

import pytest

from tests.factories import PASSWORD, make_account, make_session
from tests.support.browsers import Page, show_session
from tests.support.hostile import CPU_SECONDS, JSON, TEXTS, cpu_of, post_raw

# What the protocol's endpoints read, each of which may be the one that is expensive.
NAMES = (
    *("token", "code", "client_id", "client_secret", "client_assertion", "scope", "resource", "request"),
    *("redirect_uri", "id_token_hint", "state", "ui_locales", "claims", "user_code", "subject_token"),
)


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

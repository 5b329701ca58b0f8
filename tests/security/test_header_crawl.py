"""A crawl over every address of the provider, asked well and asked badly (SEC-303, THR-12, SEC-301).

The addresses are read from the application itself, so that a new one is crawled from its first day.
"""

from collections.abc import Iterator
from dataclasses import replace
from http.cookies import SimpleCookie

import pytest
from flask import Flask

from provider.infrastructure import current
from tests.factories import PASSWORD, make_account
from tests.security.full_story import FullStory
from tests.security.told_story import full_story
from tests.support.applications import opened
from tests.support.browsers import Page
from tests.support.relying_party import RelyingParty

pytestmark = pytest.mark.lengthy

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")
# No header depends on the database. What it may refuse to look up is in the requests of these two methods.
READ_BY_BOTH = ("GET", "POST")
CRAWLS = [*(("sqlite", method) for method in METHODS), *(("postgresql", method) for method in READ_BY_BOTH)]
GUARDS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
# The one address that other sites may frame (session §3.3), and only while its setting is on.
MAY_BE_FRAMED = "endpoints.check_session_iframe"
# What any site's script may read, because anybody may: no address of a person is among them.
PUBLIC = (*("/.well-known/", "/jwks", "/openapi.json", "/api/admin/v1/openapi.json", "/health/", "/static/"),)
# Where apps that live in a browser ask from their own origin.
FOR_SCRIPTS = ("/token", "/userinfo", "/revoke", "/par", "/register", "/account/s", "/account/grants")
TAKES_TOKENS = ("/userinfo", "/account/s", "/account/grants")
HANDLE = "x" * 43


@pytest.fixture
def story(app, browser, turned_clock):
    return full_story(app, browser, turned_clock)


def addresses_of(app: Flask) -> Iterator[tuple[str, str]]:
    """Each endpoint with an address at which it answers."""
    for rule in app.url_map.iter_rules():
        values = {
            name: "0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60" if f"<uuid:{name}>" in rule.rule else HANDLE
            for name in rule.arguments
        }
        _domain, address = rule.build(values)  # type: ignore[misc]  # It is None for a wrong value alone.
        yield rule.endpoint, address


def check(response, where: str) -> None:
    """Check the headers that every response must have, whatever it says."""
    # RFC 9700 §4.12: 302 and 307 may send a form on; 301 and 308 are kept for ever.
    assert response.status_code not in (301, 302, 307, 308), where
    assert response.status_code < 500, where
    for name, value in GUARDS.items():
        assert response.headers[name] == value, (where, name)
    policy = response.headers["Content-Security-Policy"]
    for directive in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert directive in policy, where
    assert "unsafe" not in policy, where
    assert response.headers["X-Request-Id"], where
    assert "Access-Control-Allow-Credentials" not in response.headers, where
    for cookie in cookies_of(response):
        check_cookie(cookie, where)


def cookies_of(response) -> list[SimpleCookie]:
    return [SimpleCookie(header) for header in response.headers.getlist("Set-Cookie")]


def check_cookie(cookie: SimpleCookie, where: str) -> None:
    https = current.settings().is_https
    for name, morsel in cookie.items():
        assert morsel["path"] == "/", (where, name)
        assert not morsel["domain"], (where, name)
        assert bool(morsel["secure"]) == https, (where, name)
        assert name.startswith("__Host-") == https, (where, name)
        assert morsel["httponly"], (where, name)
        assert morsel["samesite"] == "Lax", (where, name)
        assert len(morsel.OutputString()) <= 4096, (where, name)


@pytest.mark.spec("rfc9700 3, core 7")
@pytest.mark.parametrize(("database_url", "method"), CRAWLS, indirect=["database_url"])
def test_every_address_is_guarded_against_bad_requests(story, method):
    """Nothing, garbage, and the cookie of a signed-in person."""
    visitors = {"a stranger": story.browser(), "Ada": story.http}
    for endpoint, address in addresses_of(story.app):
        for name, visitor in visitors.items():
            for sent in ({}, {"client_id": "nobody", "token": "\ufffd<script>", "ticket": HANDLE}):
                form = {"data": sent} if method in ("POST", "PUT", "PATCH") else {"query_string": sent}
                with visitor.open(address, method=method, **form) as response:
                    if endpoint != MAY_BE_FRAMED:
                        check(response, f"{method} {address} by {name} with {sent or 'nothing'}")
    assert story.living(["cookie", "refresh token"]) == {"cookie", "refresh token"}


def responses_to_good_requests(story: FullStory) -> Iterator[tuple[str, object]]:
    """A whole story: signing in at an app, tokens, pages, and signing out."""
    red, http, tokens = story.red, story.http, story.tokens
    stranger = story.browser()
    sent_to_sign_in = red.authorize(stranger)
    yield "authorize, stranger", sent_to_sign_in
    form = stranger.get(sent_to_sign_in.headers["Location"])
    yield "sign-in form", form
    signed_in = Page(stranger, form).press("sign-in", username="ada", password=PASSWORD)
    yield "signed in", signed_in
    yield "resumed", stranger.get(signed_in.headers["Location"])
    yield "wrong password", Page(stranger, form).press("sign-in", username="ada", password="x")
    yield "authorize", red.authorize(http)
    yield "authorize by POST", http.post("/authorize", data=red.request())
    yield "authorize, silent and refused", red.authorize(story.browser(), prompt="none")
    yield "authorize, unknown client", red.authorize(http, client_id="nobody")
    yield "consent", story.consent_page.press("allow")
    yield "token", red.exchange(story.code)
    yield "token, refused", red.exchange(story.code)
    yield "userinfo", red.userinfo(tokens["access_token"])
    yield "userinfo, refused", red.userinfo("x")
    yield "introspection", red.post("/introspect", token=tokens["access_token"])
    yield "revocation", red.revoke("x")
    for page in ("/", "/account", "/account/everywhere", "/account/password", "/nowhere", "/jwks"):
        yield page, http.get(page)
    yield "discovery", http.get("/.well-known/openid-configuration")
    yield "sessions", story.api("GET", "/account/sessions")
    yield "end session, bounced", story.browser().post("/session/end", data={"client_id": "red"})
    yield "end session, asked", http.get("/session/end")
    ended = story.confirm_page.press("sign-out")
    yield "confirmed", ended
    yield "result", http.get(ended.headers["Location"])
    yield "end session, repeated", http.get("/session/end")


@pytest.mark.spec("rfc9700 3")
def test_every_good_response_is_guarded_too(story):
    names = set()
    for where, response in responses_to_good_requests(story):
        check(response, where)
        names |= {name for cookie in cookies_of(response) for name in cookie}
    assert names == {"curfew_session", "curfew_browser", "curfew_known_browser"}


@pytest.fixture
def secure(settings, signing_keys):
    """The same provider under an https address."""
    with opened(replace(settings, issuer="https://id.test")) as app:
        yield app


def test_cookies_of_an_https_provider_are_locked_to_its_host(secure):
    """SEC-301: `__Host-`, Secure, HttpOnly, and no Domain, on every cookie of a whole sign-in."""
    make_account("ada")
    red, one, https = RelyingParty(secure, "red"), secure.test_client(), {"base_url": "https://id.test"}
    parked = one.get("/authorize", query_string=red.request(), **https)
    form = Page(one, one.get(parked.headers["Location"], **https))
    typed = form.fields | {"username": "ada", "password": PASSWORD}
    signed_in = one.post(parked.headers["Location"], data=typed, **https)
    asked = one.get("/session/end", **https)
    ticket = Page(one, one.get(asked.headers["Location"], **https))
    ended = one.post("/session/end/confirm", data=ticket.fields | {"logout": "true"}, **https)

    names = set()
    for response in (parked, form.response, signed_in, asked, ticket.response, ended):
        assert "max-age=31536000" in response.headers["Strict-Transport-Security"]
        check(response, response.request.path)
        names |= {name for cookie in cookies_of(response) for name in cookie}
    assert names == {"__Host-curfew_session", "__Host-curfew_browser", "__Host-curfew_known_browser"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_no_other_sites_script_may_read_what_is_a_persons(story, method):
    """LIB-08: nothing but what is public anyway is ever shared across origins."""
    asked = {"Origin": "https://evil.test", "Access-Control-Request-Method": "POST"}
    for _endpoint, address in addresses_of(story.app):
        with story.http.open(address, method=method, headers=asked) as response:
            if (
                method == "OPTIONS"
                and address.startswith((*FOR_SCRIPTS, *PUBLIC))
                and response.status_code < 400
            ):
                # It says only that a request may be sent; who may read the response is another question.
                assert not response.data
                continue
            if address.startswith(TAKES_TOKENS) and response.status_code == 401:
                # It tells an app that its token is dead, and nothing of anybody.
                assert set(response.json) <= {"error", "error_description", "code"}
                continue
            allowed = response.headers.get("Access-Control-Allow-Origin")
            assert allowed is None or (address.startswith(PUBLIC) and allowed == "*"), address

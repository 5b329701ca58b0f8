"""The rules of the gate, the addresses that it leads to, and its sign-ins under way."""

import time

import pytest

from curfew_rp.gate.addresses import LONGEST_TARGET, checked_target, plain_path
from curfew_rp.gate.attempts import LIFETIME, MOST, Attempts
from curfew_rp.gate.identity import is_forged
from curfew_rp.gate.rules import Access, Facts, Rule, Verdict, rules_for
from tests.kit.conftest import FILES, WIKI

RULES = (
    Rule(path="/public/", access=Access.PUBLIC),
    Rule(path="/health", access=Access.PUBLIC, methods=frozenset({"GET"})),
    Rule(path="/api/", access=Access.API, scopes=frozenset({"api"})),
    Rule(path="/admin/", groups=frozenset({"admins", "root"})),
    Rule(path="/vault/", acr_values=("mfa",)),
)


@pytest.mark.parametrize(
    ("method", "uri", "facts", "verdict"),
    [
        pytest.param("GET", "/", None, Verdict.SIGN_IN, id="all else needs a sign-in"),
        pytest.param("GET", "/", Facts(), Verdict.ALLOW, id="and nothing more"),
        pytest.param("POST", "/public/a?b", None, Verdict.ALLOW, id="below a public path"),
        pytest.param("GET", "/public", None, Verdict.SIGN_IN, id="not the path without the slash"),
        pytest.param("GET", "/PUBLIC/", None, Verdict.SIGN_IN, id="nor in capitals"),
        pytest.param("GET", "/public/%61", None, Verdict.ALLOW, id="encoded letters"),
        pytest.param("GET", "/public/../admin/", None, Verdict.SIGN_IN, id="dots"),
        pytest.param("GET", "/public/%2E%2E/admin/", Facts(), Verdict.FORBID, id="encoded dots"),
        pytest.param("GET", "/public/a%2fb", None, Verdict.SIGN_IN, id="an encoded slash"),
        pytest.param("GET", "/public/a%252fb", None, Verdict.SIGN_IN, id="encoded twice"),
        pytest.param("GET", "/public//a", None, Verdict.SIGN_IN, id="an empty segment"),
        pytest.param("GET", "/public/..;/a", None, Verdict.SIGN_IN, id="a parameter"),
        pytest.param("GET", "/public/\\..\\a", None, Verdict.SIGN_IN, id="backslashes"),
        pytest.param("GET", "/public/%zz", None, Verdict.SIGN_IN, id="no encoding"),
        pytest.param("GET", "/public/%ff", None, Verdict.SIGN_IN, id="not UTF-8"),
        pytest.param("GET", "http://x/public/", None, Verdict.SIGN_IN, id="an absolute form"),
        pytest.param("HEAD", "/health", None, Verdict.ALLOW, id="HEAD is like GET"),
        pytest.param("POST", "/health", None, Verdict.SIGN_IN, id="another method"),
        pytest.param("GET", "/health/x", None, Verdict.SIGN_IN, id="an exact path has nothing below"),
        pytest.param("GET", "/api/", Facts(), Verdict.FORBID, id="a scope is missing"),
        pytest.param("GET", "/api/", Facts(scopes=frozenset({"api"})), Verdict.ALLOW, id="a scope"),
        pytest.param("GET", "/admin/", Facts(groups=frozenset({"root"})), Verdict.ALLOW, id="one group"),
        pytest.param("GET", "/Admin", Facts(), Verdict.FORBID, id="almost the path of a group"),
        pytest.param("GET", "/vault/x", Facts(acr="pwd"), Verdict.STEP_UP, id="too weak"),
        pytest.param("GET", "/vault/x", Facts(acr="mfa"), Verdict.ALLOW, id="strong"),
        pytest.param("GET", "/a/%2e", Facts(acr="mfa"), Verdict.FORBID, id="an odd path needs everything"),
    ],
)
def test_rules(method, uri, facts, verdict):
    assert rules_for(RULES, host="wiki.example", method=method, uri=uri).judge(facts) is verdict


def test_a_rule_of_a_host_is_not_one_of_others():
    rule = Rule(path="/", hosts=frozenset({"files.example"}), access=Access.PUBLIC)

    def access(host):
        return rules_for([rule], host=host, method="GET", uri="/").access

    assert access("files.example") is Access.PUBLIC
    assert access("wiki.example") is Access.SIGN_IN


@pytest.mark.parametrize(
    ("value", "is_admitted"),
    [("cleo", True), (["ben", "cleo"], True), ("ada", False), (None, False), ({"cleo": 1}, False)],
)
def test_a_claim_is_one_value_or_a_list(value, is_admitted):
    rule = Rule(claims={"nickname": frozenset({"cleo"})})

    assert rule.admits(Facts(claims={"nickname": value})) is is_admitted


@pytest.mark.parametrize(
    ("target", "leads_to"),
    [
        ("/a?b=c#d", f"{WIKI}/a?b=c#d"),
        (f"{FILES}/x", f"{FILES}/x"),
        *[
            (bad, f"{WIKI}/")
            for bad in (
                *(None, "", "x", "//evil.example", "/\\evil.example", "/\t/evil.example", "/a b", "/ä"),
                *("https://evil.example/", f"{FILES}.evil.example/", f"{FILES}@evil.example/", FILES),
                *("http://files.example/", "javascript:alert(1)", "\r\nSet-Cookie: a=b", "/\u2028"),
                "/" + "x" * LONGEST_TARGET,
            )
        ],
    ],
)
def test_a_sign_in_leads_to_the_apps_alone(target, leads_to):
    assert checked_target(target, here=WIKI, origins=(WIKI, FILES)) == leads_to


def test_a_path_is_decoded_once():
    assert plain_path("/a%20b/c?d=%2f") == "/a b/c"


def test_an_attempt_belongs_to_its_browser_and_expires(monkeypatch):
    attempts = Attempts("secret", cookie_prefix="try_")
    attempt, name, value = attempts.begin(f"{WIKI}/a?b=c;d,é")

    assert attempts.find(attempt.state, {name: value}) == attempt
    assert Attempts("secret", cookie_prefix="try_").find(attempt.state, {name: value}) == attempt
    assert attempts.find(attempt.state, {}) is None
    other = attempts.begin(f"{WIKI}/")
    assert attempts.find(attempt.state, {name: other[2]}) is None
    assert attempts.find(attempt.state, {name: value.replace("wiki", "evil")}) is None
    assert Attempts("another", cookie_prefix="try_").find(attempt.state, {name: value}) is None
    assert attempts.find("x" * 100_000, {name: value}) is None
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + LIFETIME.total_seconds() + 1)
    assert attempts.find(attempt.state, {name: value}) is None


@pytest.mark.parametrize(("length", "kept"), [(10, MOST), (900, 3)])
def test_the_oldest_attempts_are_dropped(length, kept, monkeypatch):
    attempts, cookies, now = Attempts("secret", cookie_prefix="try_"), {"other": "x"}, time.time()
    for number in range(12):
        monkeypatch.setattr(time, "time", lambda number=number: now + number)
        _, name, value = attempts.begin(f"{WIKI}/{number}{'x' * length}")
        for gone in attempts.surplus(cookies, name + value):
            del cookies[gone]
        cookies[name] = value

    assert cookies.pop("other") == "x"
    assert len(cookies) == kept
    assert sum(len(name) + len(value) for name, value in cookies.items()) <= 3072
    assert "/11" in list(cookies.values())[-1]


@pytest.mark.parametrize("name", ["X-Auth-Request-User", "x_auth_request_user", "X-Auth_Request-Anything"])
def test_a_forged_header_is_found_in_every_spelling(name):
    assert is_forged([(name, "cleo")])

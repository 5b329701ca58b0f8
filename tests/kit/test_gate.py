"""The gate without a proxy: its rules, addresses, headers, sign-ins under way, and sessions on two nodes."""

import json
import time
from urllib.parse import unquote

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from curfew_rp.errors import StoreUnavailable
from curfew_rp.gate.addresses import LONGEST_TARGET, checked_target, plain_path
from curfew_rp.gate.attempts import LIFETIME, MOST, Attempts
from curfew_rp.gate.gate import Gate
from curfew_rp.gate.identity import UnfitClaims, identity_of, is_forged
from curfew_rp.gate.messages import Request
from curfew_rp.gate.rules import Access, Facts, Rule, Verdict, rules_for
from curfew_rp.gate.settings import read_settings
from tests.kit.conftest import FORM, form
from tests.kit.other_provider import CLIENT_ID, private_key

WIKI, FILES = "https://wiki.example", "https://files.example"
COOKIE = "__Host-curfew_gate"
RULES = (
    Rule(path="/public/", access=Access.PUBLIC),
    Rule(path="/health", access=Access.PUBLIC, methods=frozenset({"GET"})),
    Rule(path="/api/", access=Access.API, scopes=frozenset({"api"})),
    Rule(path="/admin/", groups=frozenset({"admins", "root"})),
    Rule(path="/vault/", acr_values=("mfa",)),
)


@pytest.fixture
def settings(provider, tmp_path):
    def make(**more):
        environ = {
            "ISSUER": provider.issuer,
            "CLIENT_ID": CLIENT_ID,
            "CLIENT_SECRET": "a secret of the gate's own",
            "ORIGINS": f"{WIKI} {FILES}",
            "STORE": f"sqlite:///{tmp_path / 'gate.sqlite3'}",
            **{name.upper(): value for name, value in more.items()},
        }
        return read_settings(None, {f"CURFEW_RP_GATE_{name}": value for name, value in environ.items()})

    return make


@pytest.fixture(params=["sqlite", "redis"])
def nodes(request, settings, tmp_path):
    """Two nodes of one gate, each with its own connections to the store."""
    more = {"store": request.getfixturevalue("valkey")} if request.param == "redis" else {}
    both = [Gate(settings(**more)) for _ in range(2)]
    yield both
    for gate in both:
        gate._store.close()


@pytest.fixture
def gate(settings):
    gate = Gate(settings())
    yield gate
    gate._store.close()


def id_claims(provider, **more):
    return {"iss": provider.issuer, "sub": "ada", "sid": "sid-1", "iat": time.time(), **more}


def sign_in(gate, claims, origin=WIKI):
    return gate._sessions.begin(origin, claims, None, {"name": "Ada"}, ["openid"])


def ask(gate, handle, how="check", *, uri="/", origin=WIKI, peer="127.0.0.1", **headers):
    given = {
        "x-forwarded-host": origin.removeprefix("https://"),
        "x-forwarded-method": "GET",
        "x-forwarded-uri": uri,
        "accept": "text/html",
        "cookie": f"{COOKIE}={handle}",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return gate.handle(Request(method="GET", path=f"/_gate/{how}", headers=tuple(given.items()), peer=peer))


def receive(gate, token):
    return gate.handle(
        Request(
            method="POST",
            path="/_gate/backchannel-logout",
            headers=(("content-type", FORM),),
            body=form(token),
        )
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


def test_headers_are_ascii_and_can_be_decoded(settings):
    claims = {
        "name": "Zoë\r\nX-Evil: 1",
        "email": "ada@example.test",
        "email_verified": True,
        "groups": ["a,b", "100%", " c"],
    }

    headers = dict(identity_of("ada", claims, settings()).headers)

    assert headers["X-Auth-Request-Name"] == "Zo%C3%AB%0D%0AX-Evil: 1"
    assert unquote(headers["X-Auth-Request-Name"]) == claims["name"]
    assert headers["X-Auth-Request-Email"] == "ada@example.test"
    groups = headers["X-Auth-Request-Groups"].split(",")
    assert [unquote(group) for group in groups] == claims["groups"]
    assert all(value.isascii() and value.isprintable() for value in headers.values())


def test_no_other_claim_stands_in_for_the_name_of_an_account(settings):
    by_name = settings(user_claim="preferred_username")
    with pytest.raises(UnfitClaims):
        identity_of("ada", {"preferred_username": ""}, by_name)
    with pytest.raises(UnfitClaims):
        identity_of("ada", {"groups": ["x" * 100] * 200}, settings())
    unverified = {"email": "cleo@example.test", "email_verified": "true"}
    with pytest.raises(UnfitClaims):
        identity_of("ada", unverified, settings(user_claim="email"))
    assert "X-Auth-Request-Email" not in dict(identity_of("ada", unverified, settings()).headers)
    accepting = settings(user_claim="email", accept_unverified_email="true")
    assert (
        dict(identity_of("ada", unverified, accepting).headers)["X-Auth-Request-User"] == "cleo@example.test"
    )


def test_a_session_without_a_claim_that_is_needed_now_signs_in_again(gate, settings, provider):
    handle = sign_in(gate, id_claims(provider))
    changed = Gate(settings(user_claim="preferred_username"))

    assert ask(changed, handle).status == 401

    changed._store.close()


@pytest.mark.parametrize("name", ["X-Auth-Request-User", "x_auth_request_user", "X-Auth_Request-Anything"])
def test_a_forged_header_is_found_in_every_spelling(name):
    assert is_forged([(name, "cleo")])


def test_the_next_request_after_a_logout_is_refused_by_every_node(nodes, provider):
    first, second = nodes
    handle = sign_in(first, id_claims(provider))
    headers = dict(ask(second, handle).headers)
    assert (headers["X-Auth-Request-User"], headers["X-Auth-Request-Name"]) == ("ada", "Ada")

    assert receive(second, provider.logout_token(jti=f"{time.time()}")).status == 200

    assert [ask(gate, handle).status for gate in nodes] == [401, 401]
    assert ask(first, handle, "forward").status == 302


def test_a_logout_that_comes_before_the_session_is_stored_ends_it(gate, provider):
    receive(gate, provider.logout_token())

    assert sign_in(gate, id_claims(provider)) is None
    assert sign_in(gate, id_claims(provider, sid="sid-2")) is not None


def test_a_logout_between_the_marks_and_the_record_ends_it(gate, provider):
    put = gate._sessions._records.put

    def put_late(*arguments):
        receive(gate, provider.logout_token())
        put(*arguments)

    gate._sessions._records.put = put_late

    assert ask(gate, sign_in(gate, id_claims(provider))).status == 401


def test_a_session_ends_when_it_is_idle_and_when_it_is_old(settings, provider):
    gate = Gate(settings(idle_lifetime="1s", session_lifetime="1h"))
    handle = sign_in(gate, id_claims(provider))
    key = gate._sessions._key(gate._sessions.find(handle, WIKI).key)
    left = gate._sessions._records.get(key).seconds_left
    assert 0 < left <= 1
    gate._sessions._records.extend(key, 0.0)
    assert ask(gate, handle).status == 401

    old = sign_in(gate, id_claims(provider, iat=time.time() - 3590))
    assert ask(gate, old).status == 200
    assert sign_in(gate, id_claims(provider, iat=time.time() - 3601)) is None
    gate._store.close()


def test_use_renews_the_idle_time(gate, provider):
    handle = sign_in(gate, id_claims(provider))
    key = gate._sessions._key(gate._sessions.find(handle, WIKI).key)
    gate._sessions._records.extend(key, 60)

    ask(gate, handle)

    assert gate._sessions._records.get(key).seconds_left > 7000


def test_the_cookie_of_one_app_is_none_of_another(gate, settings, provider):
    handle = sign_in(gate, id_claims(provider))
    assert ask(gate, handle, origin=FILES).status == 401

    shared = Gate(settings(cookie_domain="wiki.example", origins=WIKI))
    assert "Domain=wiki.example" in shared._cookies.keep_session(handle)[1]
    shared._store.close()


@pytest.mark.parametrize("cookie", ["", "x", "x" * 43, "../" * 15, "ä" * 43, "a" * 20_000])
def test_a_hostile_cookie_is_no_session(gate, cookie):
    assert ask(gate, cookie).status == 401


def test_a_cookie_that_is_there_twice_is_none(gate, provider):
    handle = sign_in(gate, id_claims(provider))

    assert ask(gate, f"{handle}; {COOKIE}={handle}").status == 401


@pytest.mark.parametrize(
    "odd",
    [
        {"peer": "203.0.113.9"},
        {"peer": "203.0.113.9", "host": "wiki.example"},
        {"peer": ""},
        {"origin": "https://evil.example"},
        {"x_forwarded_method": ""},
        {"uri": "/" + "x" * 9000},
        {"x-auth-request-user": "cleo"},
        {"x_auth_request_groups": "admins"},
    ],
)
@pytest.mark.parametrize("how", ["check", "forward", "answer"])
def test_what_no_proxy_of_ours_asks_is_refused(gate, provider, odd, how):
    handle = sign_in(gate, id_claims(provider))

    assert ask(gate, handle, how, **odd).status == 403


def test_envoy_asks_with_the_path_itself(gate, provider):
    handle = sign_in(gate, id_claims(provider))

    def envoy(cookie):
        headers = (("host", "wiki.example"), ("accept", "text/html"), ("cookie", f"{COOKIE}={cookie}"))
        return gate.handle(
            Request(method="GET", path="/_gate/envoy/a%20b", query="c=d", headers=headers, peer="127.0.0.1")
        )

    assert dict(envoy(handle).headers)["X-Auth-Request-Sub"] == "ada"
    location = dict(envoy("").headers)["Location"]
    assert unquote(location) == f"{WIKI}/_gate/start?rd={WIKI}/a%20b?c=d"


def test_an_answer_that_is_not_needed_any_more_leads_back(gate, provider):
    handle = sign_in(gate, id_claims(provider))

    assert dict(ask(gate, handle, "answer", uri="/a?b").headers)["Location"] == f"{WIKI}/a?b"
    assert ask(gate, handle, "answer", x_forwarded_method="POST").status == 503


def test_a_store_that_is_away_is_never_a_sign_in(gate, provider):
    handle = sign_in(gate, id_claims(provider))

    def away(*_):
        raise StoreUnavailable("away")

    gate._sessions._records.get = gate._store.marks = away

    assert [ask(gate, handle, how).status for how in ("check", "forward", "answer")] == [503] * 3
    assert json.loads(ask(gate, handle, accept="*/*").body)["error"] == "temporarily_unavailable"
    assert gate.handle(Request(method="GET", path="/healthz")).status == 503
    assert receive(gate, provider.logout_token()).status == 503


def test_a_logout_is_tried_again_while_sessions_cannot_be_deleted(gate, provider):
    def away(*_):
        raise StoreUnavailable("away")

    sign_in(gate, id_claims(provider))
    delete, gate._sessions._records.delete = gate._sessions._records.delete, away
    assert receive(gate, token := provider.logout_token()).status == 503

    gate._sessions._records.delete = delete
    assert receive(gate, token).status == 200


def test_pages_and_methods_that_do_not_exist(gate):
    def status(method, path):
        return gate.handle(Request(method=method, path=path, headers=(("host", "wiki.example"),))).status

    assert [status("GET", path) for path in ("/", "/_gate/", "/_gate/nothing", "/_gate/envoyx")] == [404] * 4
    assert [status("POST", f"/_gate/{path}") for path in ("start", "callback", "signed-out")] == [405] * 3
    assert status("GET", "/_gate/backchannel-logout") == 405


def test_a_provider_that_is_away_is_503(gate, provider):
    provider.is_down = True

    answer = gate.handle(Request(method="GET", path="/_gate/start", headers=(("host", "wiki.example"),)))

    assert answer.status == 503
    assert ("Retry-After", "10") in answer.headers


def test_the_record_holds_no_cookie(gate, provider, tmp_path):
    handle = sign_in(gate, id_claims(provider))

    kept = b"".join(path.read_bytes() for path in tmp_path.glob("gate.sqlite3*"))

    assert handle.encode() not in kept
    assert (tmp_path / "gate.sqlite3").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("alg", ["ES256", "EdDSA"])
def test_the_identity_is_signed_for_the_app_alone(settings, provider, tmp_path, alg):
    key = private_key(f"{alg} of the gate")
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    gate = Gate(settings(identity_key_file=str(tmp_path / "key.pem")))

    token = dict(ask(gate, sign_in(gate, id_claims(provider))).headers)["X-Auth-Request-JWT"]
    jwks = json.loads(gate.handle(Request(method="GET", path="/_gate/jwks")).body)["keys"]
    gate._store.close()

    assert [set(jwk) - {"y"} for jwk in jwks] == [{"kty", "crv", "x", "kid", "use", "alg"}]
    assert jwt.get_unverified_header(token) == {"alg": alg, "kid": jwks[0]["kid"], "typ": "gate-identity+jwt"}
    said = jwt.decode(token, jwt.PyJWK(jwks[0]), [alg], audience=WIKI, issuer=f"{WIKI}/_gate")
    assert (said["sub"], said["user"], said["name"]) == ("ada", "ada", "Ada")
    assert said["exp"] - said["iat"] == 60
    assert "email" not in said


def test_without_a_key_nothing_is_signed(gate, provider):
    assert "X-Auth-Request-JWT" not in dict(ask(gate, sign_in(gate, id_claims(provider))).headers)
    assert gate.handle(Request(method="GET", path="/_gate/jwks")).body == b'{"keys": []}'

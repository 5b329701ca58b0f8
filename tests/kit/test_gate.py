"""The gate without a proxy: its sessions on two nodes, and what it answers to whom."""

import json
import time
from urllib.parse import unquote

import pytest

from curfew_rp.errors import StoreUnavailable
from curfew_rp.gate.gate import Gate
from curfew_rp.gate.messages import Request
from tests.kit.conftest import FILES, FORM, WIKI, form

COOKIE = "__Host-curfew_gate"


@pytest.fixture(params=["sqlite", "redis"])
def nodes(request, gate_settings, tmp_path):
    """Two nodes of one gate, each with its own connections to the store."""
    more = {"store": request.getfixturevalue("valkey")} if request.param == "redis" else {}
    both = [Gate(gate_settings(**more)) for _ in range(2)]
    yield both
    for gate in both:
        gate._store.close()


@pytest.fixture
def gate(gate_settings):
    gate = Gate(gate_settings())
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


def test_a_session_without_a_claim_that_is_needed_now_signs_in_again(gate, gate_settings, provider):
    handle = sign_in(gate, id_claims(provider))
    changed = Gate(gate_settings(user_claim="preferred_username"))

    assert ask(changed, handle).status == 401

    changed._store.close()


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


def test_a_session_ends_when_it_is_idle_and_when_it_is_old(gate_settings, provider):
    gate = Gate(gate_settings(idle_lifetime="1s", session_lifetime="1h"))
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


def test_the_cookie_of_one_app_is_none_of_another(gate, gate_settings, provider):
    handle = sign_in(gate, id_claims(provider))
    assert ask(gate, handle, origin=FILES).status == 401

    shared = Gate(gate_settings(cookie_domain="wiki.example", origins=WIKI))
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


def test_a_response_that_is_not_needed_any_more_leads_back(gate, provider):
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

    response = gate.handle(Request(method="GET", path="/_gate/start", headers=(("host", "wiki.example"),)))

    assert response.status == 503
    assert ("Retry-After", "10") in response.headers


def test_the_record_holds_no_cookie(gate, provider, tmp_path):
    handle = sign_in(gate, id_claims(provider))

    kept = b"".join(path.read_bytes() for path in tmp_path.glob("gate.sqlite3*"))

    assert handle.encode() not in kept
    assert (tmp_path / "gate.sqlite3").stat().st_mode & 0o077 == 0

"""HTTP as the app speaks it: DPoP proofs and nonces, no redirects, bounded responses."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey

from relying_party_demo.dpop import DPoPKey, hash_of
from relying_party_demo.wire import LARGEST_RESPONSE, NoNetwork, Wire
from tests.support.scripted_server import Asked, Reply, scripted


@contextmanager
def a_wire() -> Iterator[Wire]:
    wire = Wire()
    try:
        yield wire
    finally:
        wire.close()


def claims_of(asked: Asked) -> dict:
    """The proof of a request, verified with the key that it brings along."""
    header = jws.extract_compact(asked.headers["DPoP"].encode()).headers()
    assert header["typ"] == "dpop+jwt"
    assert "d" not in header["jwk"]
    return jwt.decode(asked.headers["DPoP"], ECKey.import_key(header["jwk"]), algorithms=["ES256"]).claims


def asking_for(nonce: str, *, status: int = 400):
    """A server that takes no proof without its nonce."""

    def script(asked: Asked) -> Reply:
        if claims_of(asked).get("nonce") == nonce:
            return Reply(200, {"is": "fine"})
        challenge = {"DPoP-Nonce": nonce, "WWW-Authenticate": 'DPoP error="use_dpop_nonce"'}
        return Reply(status, {"error": "use_dpop_nonce"}, challenge)

    return script


@pytest.mark.parametrize("status", [400, 401])
def test_a_nonce_is_brought_once_and_kept_for_its_origin(status):
    key = DPoPKey.generate()
    with (
        a_wire() as wire,
        scripted(asking_for("one", status=status)) as first,
        scripted(asking_for("two", status=status)) as second,
    ):
        for url in (first.url, second.url, first.url, second.url):
            assert wire.send("POST", f"{url}/token", form={}, key=key).is_ok

    nonces = [[claims_of(asked).get("nonce") for asked in server.asked] for server in (first, second)]
    assert nonces == [[None, "one", "one"], [None, "two", "two"]]


def test_a_server_that_never_takes_its_nonce_is_asked_twice():
    refusal = Reply(400, {"error": "use_dpop_nonce"}, {"DPoP-Nonce": "again"})
    with a_wire() as wire, scripted(lambda _: refusal) as server:
        response = wire.send("POST", server.url, form={}, key=DPoPKey.generate())

    assert (response.status, len(server.asked)) == (400, 2)


def test_a_proof_is_for_one_request_and_its_token():
    key = DPoPKey.generate()
    with a_wire() as wire, scripted(lambda _: Reply(200, {})) as server:
        wire.send("GET", f"{server.url}/things?page=2", key=key, access_token="the token")
        wire.send("POST", f"{server.url}/token", form={"a": "b"}, key=key)

    first, second = map(claims_of, server.asked)
    assert (first["htm"], first["htu"]) == ("GET", f"{server.url}/things")
    assert first["ath"] == hash_of("the token")
    assert "ath" not in second
    assert first["jti"] != second["jti"]
    assert server.asked[0].headers["Authorization"] == "DPoP the token"


def test_a_redirect_is_not_followed_with_the_token():
    with scripted(lambda _: Reply(200, {})) as elsewhere:
        away = Reply(307, {}, {"Location": elsewhere.url})
        with a_wire() as wire, scripted(lambda _: away) as server:
            response = wire.send("GET", server.url, key=DPoPKey.generate(), access_token="the token")

    assert response.status == 307
    assert elsewhere.asked == []


def test_an_endless_response_is_none():
    with (
        a_wire() as wire,
        scripted(lambda _: Reply(200, b"x" * (LARGEST_RESPONSE + 1))) as server,
        pytest.raises(NoNetwork),
    ):
        wire.send("GET", server.url)


@pytest.mark.parametrize(
    "body", [b"", b"[1]", b"no json", b"[" * 100_000], ids=["none", "list", "text", "deep"]
)
def test_what_is_no_json_object_reads_as_an_empty_one(body):
    with a_wire() as wire, scripted(lambda _: Reply(200, body)) as server:
        assert wire.send("GET", server.url).document() == {}

"""`curfew logout receipt` and `curfew receipt verify`: a receipt is verified without a provider."""

import base64
import hashlib
import hmac
import json
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from provider.infrastructure.database import transaction
from provider.logout.end_session import end
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from tests.factories import make_account, make_client, make_session
from tests.support.scripted_server import Reply, scripted
from tests.support.signing_keys import provide

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TYP = "vnd.curfew.logout-receipt+jwt"
KEY = ec.generate_private_key(ec.SECP256R1())
HEADER = {"alg": "ES256", "kid": "k", "typ": TYP}


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def own_jwks() -> dict:
    jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key()))
    return {"keys": [jwk | {"kid": "k", "alg": "ES256", "use": "sig"}]}


def signed(payload: object, **header: object) -> str:
    head = HEADER | header
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return jwt.PyJWS().encode(body, KEY, algorithm="ES256", headers=head)


@pytest.fixture
def files(curfew, looking, tmp_path):
    """A receipt and the keys that were published with it, as an operator writes them."""
    with looking():
        with transaction():
            provide()
        made = make_session(make_account("ada"), [make_client("red"), make_client("green")], offline=("red",))
        with transaction():
            logout = end(made.session, Cause(reason=LogoutReason.USER, initiator="account")).logout.id
    receipt, keys = tmp_path / "receipt.jwt", tmp_path / "keys.json"
    said = curfew("logout", "receipt", logout, "--output", receipt, "--jwks", keys).out
    assert "Verify it with `curfew receipt verify`" in said
    return receipt, keys


def test_it_is_verified_and_explained_without_settings_and_database(files, curfew_alone):
    receipt, keys = files

    said = curfew_alone("receipt", "verify", receipt, "--jwks", keys).out

    assert said.startswith("Genuine: signed by http://localhost:8900 at ")
    assert "Signed out of one browser by the person; reason: user." in said
    assert "Ended: 1 session(s), 2 app session(s), 1 grant(s)." in said
    assert "Survived: the grant of red until" in said
    assert said.count("not confirmed yet; it is tried again") == 2


def test_programs_get_all_of_it(files, curfew_alone):
    receipt, keys = files

    found = curfew_alone("receipt", "verify", "-", "--jwks", keys, "--json", stdin=receipt.read_text()).json

    assert (found["issuer"], found["alg"]) == ("http://localhost:8900", "ES256")
    assert [one["client_id"] for one in found["receipt"]["apps"]] == ["green", "red"]


def test_a_logout_that_is_not_there_is_said(curfew, files):
    assert curfew("logout", "receipt", uuid4(), code=1).err.startswith("curfew: there is no logout ")


BAD = [
    pytest.param(lambda it: "hello", "not a compact JWS", id="no JWS"),
    pytest.param(lambda it: "", "not a compact JWS", id="nothing"),
    pytest.param(lambda it: "Ä.b.c", "not a signed document", id="not ASCII"),
    pytest.param(lambda it: "x" * (8 * 1024 * 1024 + 1), "more than 8388608 characters", id="too large"),
    pytest.param(lambda it: f"{encode(b'[' * 900)}.e30.eA", "header is too large", id="a large header"),
    pytest.param(lambda it: f"{encode(b'[1]')}.e30.eA", "header is not a JSON object", id="no object"),
    pytest.param(lambda it: it[:-4] + "AAAA", "the signature is not valid", id="another signature"),
    pytest.param(
        lambda it: ".".join((it.split(".")[0], encode(b'{"iss":"x"}'), it.split(".")[2])),
        "the signature is not valid",
        id="other content",
    ),
    pytest.param(lambda it: signed({}, typ="JWT"), "its type is JWT", id="an ID Token"),
    pytest.param(lambda it: signed({}, typ="logout+jwt"), "its type is logout+jwt", id="a Logout Token"),
    pytest.param(lambda it: signed({}, typ=None), "its type is None", id="no type"),
    pytest.param(lambda it: signed({}, kid="other"), "not among the given keys", id="an unknown key"),
    pytest.param(
        lambda it: f"{encode(json.dumps(HEADER | {'kid': 7}).encode())}.e30.eA", "no kid", id="no kid"
    ),
    pytest.param(lambda it: signed({}, jwk=own_jwks()["keys"][0]), "unexpected member", id="its own key"),
    pytest.param(lambda it: signed({}, crit=["b64"], b64=True), "unexpected member", id="crit"),
    pytest.param(
        lambda it: f"{encode(json.dumps(HEADER | {'alg': 'none'}).encode())}.e30.eA",
        "its algorithm is none",
        id="alg none",
    ),
    pytest.param(lambda it: with_secret(), "its algorithm is HS256", id="HS256 with the public key"),
    pytest.param(lambda it: signed(b"[1]"), "the payload cannot be read", id="a list"),
    pytest.param(
        lambda it: signed(b'{"iss":1,"iss":2}'), "the payload cannot be read", id="a repeated claim"
    ),
    pytest.param(lambda it: signed({}), "it names no issuer", id="no issuer"),
    pytest.param(
        lambda it: signed({"iss": "x", "logout_receipt": {"version": 2}}),
        "its content has the version 2",
        id="a later version",
    ),
    pytest.param(
        lambda it: signed({"iss": "x", "logout_receipt": {"version": 1}}),
        "its content cannot be read",
        id="no content",
    ),
]


def with_secret() -> str:
    parts = f"{encode(json.dumps(HEADER | {'alg': 'HS256'}).encode())}.e30"
    secret = json.dumps(own_jwks()["keys"][0]).encode()
    return f"{parts}.{encode(hmac.digest(secret, parts.encode(), hashlib.sha256))}"


@pytest.fixture(scope="module")
def genuine(tmp_path_factory):
    """A signature of the test's own key, and the keys with it."""
    keys = tmp_path_factory.mktemp("keys") / "keys.json"
    keys.write_text(json.dumps(own_jwks()))
    return signed({"iss": "x"}), keys


@pytest.mark.parametrize(("make", "why"), BAD)
def test_a_bad_receipt_is_refused_with_the_reason(genuine, curfew_alone, database_url, make, why):
    receipt, keys = genuine

    output = curfew_alone("receipt", "verify", "-", "--jwks", keys, stdin=make(receipt), code=1)

    assert output.out == ""
    assert output.err.startswith("curfew: the receipt is not valid: ")
    assert why in output.err


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        pytest.param("{}", "it has no list of keys", id="no keys"),
        pytest.param('{"keys": []}', "it has no list of keys", id="an empty list"),
        pytest.param('{"keys": ["k"]}', "it has no list of keys", id="not of objects"),
        pytest.param("<html>", "not a JWK Set: the document is not JSON", id="a page"),
    ],
)
def test_keys_that_are_none_are_said(genuine, curfew_alone, tmp_path, database_url, keys, why):
    path = tmp_path / "keys.json"
    path.write_text(keys)

    assert why in curfew_alone("receipt", "verify", "-", "--jwks", path, stdin=genuine[0], code=1).err


@pytest.mark.parametrize(
    "broken", [{"kty": "RSA"}, {"x": "AA"}, {"kty": "x"}, {"alg": "RS256"}, {"x": 7}, {"kty": "OKP"}]
)
def test_a_key_that_does_not_fit_is_no_proof(genuine, curfew_alone, tmp_path, database_url, broken):
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": [own_jwks()["keys"][0] | broken]}))

    output = curfew_alone("receipt", "verify", "-", "--jwks", path, stdin=genuine[0], code=1)

    assert "its key" in output.err


def test_without_keys_or_an_issuer_it_says_what_is_needed(genuine, curfew_alone, database_url):
    assert "--jwks FILE" in curfew_alone("receipt", "verify", "-", stdin=genuine[0], code=2).err
    assert "nowhere.jwt" in curfew_alone("receipt", "verify", "nowhere.jwt", "--issuer", "x", code=2).err


def test_another_issuer_is_refused(files, curfew_alone):
    receipt, keys = files
    asked = ("receipt", "verify", receipt, "--jwks", keys, "--issuer", "https://id.example")

    assert "not by https://id.example" in curfew_alone(*asked, code=1).err


@pytest.mark.parametrize(
    ("called", "status", "why"),
    [
        pytest.param(None, 200, "", id="a provider"),
        pytest.param("https://other.example", 200, "calls itself https://other.example", id="another name"),
        pytest.param(None, 503, "answers with status 503", id="out of order"),
    ],
)
def test_the_keys_are_fetched_from_the_issuer(curfew_alone, database_url, called, status, why):
    def script(asked) -> Reply:
        described = {"issuer": called or served.url, "jwks_uri": f"{served.url}/keys"}
        return Reply(status, own_jwks() if asked.path == "/keys" else described)

    with scripted(script) as served:
        receipt = signed({"iss": served.url, "iat": 1, "logout_receipt": {"version": 9}})
        output = curfew_alone("receipt", "verify", "-", "--issuer", served.url, stdin=receipt, code=1)

    assert (why or "its content has the version 9") in output.err


@pytest.mark.parametrize("address", ["http://192.0.2.1", "nonsense", "ftp://x", "http://["])
def test_keys_are_not_fetched_from_addresses_that_prove_nothing(curfew_alone, database_url, address):
    output = curfew_alone("receipt", "verify", "-", "--issuer", address, stdin=signed({}), code=1)

    assert "cannot be fetched" in output.err

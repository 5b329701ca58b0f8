"""Every token that others sign means one thing or is refused, before and after its signature holds.

The same texts go to all four receivers: client assertions, software statements, request objects and DPoP
proofs. None answers 5xx, and each serves the honest neighbour.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count

import pytest
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from provider.infrastructure import clock
from tests.factories import secret_of
from tests.support.applications import opened
from tests.support.browsers import ISSUER
from tests.support.hand_signed import Edit, hand_signed, with_member
from tests.support.registering import SMALLEST
from tests.support.relying_party import CHALLENGE, RelyingParty

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
KEY = ECKey.generate_key("P-256", {"kid": "one"}, private=True)
OTHER_KEY = ECKey.generate_key("P-256", {"kid": "one"}, private=True)
PUBLIC = KEY.as_dict(private=False)
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_numbers = count()


@dataclass
class Receiver:
    """One place that takes a signed token: what an honest one holds, how it is sent, how it is refused."""

    header: dict[str, object]
    claims: Callable[[], dict[str, object]]
    send: Callable[[str], TestResponse]
    served: int
    refused: str

    def ask(self, key=KEY, **edits: Edit) -> TestResponse:
        return self.send(hand_signed(key, self.header, self.claims(), **edits))


@pytest.fixture(scope="module")
def issuers(tmp_path_factory):
    path = tmp_path_factory.mktemp("issuers") / "issuers.json"
    path.write_text(json.dumps({"https://store.test": {"keys": [PUBLIC]}}))
    return path


@pytest.fixture
def settings(settings, issuers):
    return replace(
        settings,
        registration="open",
        registration_limit="10000 per second",
        software_statement_issuers=issuers,
    )


@pytest.fixture
def receivers(settings) -> dict[str, Receiver]:
    with opened(settings) as app:
        http = app.test_client(use_cookies=False)
        robot = {"grant_types": ["client_credentials"], "redirect_uris": None, "scope": "jobs"}
        RelyingParty(app, "robot", **robot)
        RelyingParty(
            app, "green", **robot, token_endpoint_auth_method="private_key_jwt", jwks={"keys": [PUBLIC]}
        )
        red = RelyingParty(app, "red", jwks={"keys": [PUBLIC]})
        yield {
            "assertion": Receiver({"alg": "ES256", "kid": "one"}, assertion, by(http), 200, "invalid_client"),
            "statement": Receiver(
                {"alg": "ES256", "kid": "one"},
                lambda: times() | {"iss": "https://store.test", "software_id": "red"},
                lambda token: http.post("/register", json=SMALLEST | {"software_statement": token}),
                201,
                "invalid_software_statement",
            ),
            "request object": Receiver(
                {"alg": "ES256", "kid": "one"},
                lambda: times() | {"iss": "red", "aud": ISSUER, **red.request(code_challenge=CHALLENGE)},
                lambda token: red.post("/par", request=token),
                201,
                "invalid_request_object",
            ),
            "DPoP proof": Receiver(
                {"alg": "ES256", "typ": "dpop+jwt", "jwk": PUBLIC},
                lambda: times() | {"jti": f"{next(_numbers)}", "htm": "POST", "htu": f"{ISSUER}/token"},
                lambda token: http.post(
                    "/token",
                    data={"grant_type": "client_credentials"},
                    auth=("robot", secret_of("robot")),
                    headers={"DPoP": token},
                ),
                200,
                "invalid_dpop_proof",
            ),
        }


def times() -> dict[str, object]:
    now = int(clock.now().timestamp())
    return {"iat": now, "nbf": now, "exp": now + 60}


def assertion() -> dict[str, object]:
    return times() | {"iss": "green", "sub": "green", "aud": ISSUER, "jti": f"{next(_numbers)}"}


def by(http) -> Callable[[str], TestResponse]:
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE}
    return lambda token: http.post("/token", data=form | {"client_assertion": token})


def answers(receivers, key=KEY, **edits: Edit) -> dict[str, tuple[int, str]]:
    """The responses that are not the receiver's own refusal."""
    got = {}
    for name, receiver in receivers.items():
        response = receiver.ask(key, **edits)
        said = (response.status_code, (response.json or {}).get("error", ""))
        if said[0] not in (400, 401) or said[1] != receiver.refused:
            got[name] = said
    return got


def test_the_honest_neighbour_is_served(receivers):
    for name, receiver in receivers.items():
        response = receiver.ask()
        assert response.status_code == receiver.served, (name, response.get_data(as_text=True))


HEADERS: dict[str, Edit] = {
    "crit is a number": with_member("crit", "7"),
    "crit is a list of numbers": with_member("crit", "[7]"),
    "crit is a list of lists": with_member("crit", '[["exp"]]'),
    "crit is an object": with_member("crit", '{"exp": 1}'),
    "crit is a text": with_member("crit", '"exp"'),
    "crit is null": with_member("crit", "null"),
    "crit is true": with_member("crit", "true"),
    "crit is empty": with_member("crit", "[]"),
    "crit names an extension": with_member("crit", '["exp"]'),
    "b64 is false": with_member("b64", "false"),
    "kid is an object": with_member("kid", "{}"),
    "typ is a list": with_member("typ", "[]"),
    "alg is a list": lambda text: text.replace('"ES256"', '["ES256"]', 1),
    "alg is an object": lambda text: text.replace('"ES256"', '{"ES256": 1}', 1),
    "alg is missing": lambda text: text.replace('"alg"', '"gla"', 1),
    "alg stands there twice": with_member("alg", '"ES256"'),
    "a name in a name stands there twice": with_member("x", '{"a": 1, "a": 2}'),
    "a list": lambda text: '["alg"]',
    "a text": lambda text: '"alg"',
    "a number": lambda text: "1",
    "nothing": lambda text: "",
    "no JSON": lambda text: text[:-1],
    "UTF-16": lambda text: text.encode("utf-16").decode("latin-1"),
    "an unpaired surrogate": with_member("kid", '"\ud800"'),
    "deep": with_member("x", "[" * 30 + "]" * 30),
}


@pytest.mark.parametrize("edit", HEADERS.values(), ids=HEADERS)
def test_a_header_that_is_not_quite_right_is_refused(receivers, edit):
    assert answers(receivers, header=edit) == {}
    # The same before any key is looked at: it needs none to send this.
    assert answers(receivers, OTHER_KEY, header=edit) == {}


CLAIMS: dict[str, Edit] = {
    "iat stands there twice": with_member("iat", "1"),
    "iss stands there twice": lambda text: f'{{"iss": "x", "iss": "y", {text[1:]}',
    "a name in a name stands there twice": with_member("x", '{"a": 1, "a": 2}'),
    "a number that is none": with_member("x", "NaN"),
    "infinity": with_member("x", "Infinity"),
    "infinity in disguise": with_member("x", "1e999"),
    "a long number": with_member("x", "9" * 5000),
    "deep": with_member("x", "[" * 30 + "]" * 30),
    "very deep": with_member("x", "[" * 2500),
    "a list": lambda text: f"[{text}]",
    "UTF-16": lambda text: text.encode("utf-16-le").decode("latin-1"),
}


@pytest.mark.parametrize("edit", CLAIMS.values(), ids=CLAIMS)
def test_claims_with_two_meanings_or_none_are_refused(receivers, edit):
    assert answers(receivers, claims=edit) == {}


INSTANTS = {
    "not a number": "NaN",
    "infinity": "Infinity",
    "minus infinity": "-Infinity",
    "beyond a double": "1e999",
    "beyond the calendar": "1e300",
    "of 400 digits": str(10**400),
    "before the calendar": "-1e17",
    "true": "true",
    "a text": '"9999999999"',
    "null": "null",
    "a list": "[9999999999]",
}


@pytest.mark.parametrize("instant", INSTANTS.values(), ids=INSTANTS)
def test_what_is_no_instant_never_begins_and_never_ends_a_token(receivers, instant):
    def said(name: str) -> Edit:
        return lambda text: json.dumps(json.loads(text) | {name: 0}).replace(
            f'"{name}": 0', f'"{name}": {instant}'
        )

    wrong = {name: answers(receivers, claims=said(name)) for name in ("exp", "iat", "nbf")}

    # rfc9449 §4.2: a proof has an iat alone.
    assert {name: got for name, got in wrong.items() if got.keys() - {"DPoP proof"}} == {}
    assert wrong["iat"] == {}


def test_a_token_without_the_optional_instants_is_served(receivers):
    def without(text: str) -> str:
        return json.dumps({name: value for name, value in json.loads(text).items() if name != "nbf"})

    assert {name: receiver.ask(claims=without).status_code for name, receiver in receivers.items()} == {
        name: receiver.served for name, receiver in receivers.items()
    }

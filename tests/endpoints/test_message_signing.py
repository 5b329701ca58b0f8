"""FAPI 2.0 Message Signing: signed requests that cannot be used for long."""

import time

import pytest
from joserfc.jwk import ECKey

from tests.endpoints.test_request_object import ask, claims_of, signed
from tests.support.browsers import ISSUER, query_of
from tests.support.relying_party import RelyingParty

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
KEY = ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"})
JWKS = {"keys": [KEY.as_dict(private=False)]}
HOUR = 3600


@pytest.fixture
def rp(app):
    return RelyingParty(app, jwks=JWKS, require_signed_request_object=True)


def request_of(rp, *, nbf: int | None, exp: int | None, **changes) -> str:
    """A signed request; `nbf` and `exp` are seconds from now."""
    now = int(time.time())
    times = {"nbf": nbf, "exp": exp}
    moved = {name: None if offset is None else now + offset for name, offset in times.items()}
    return signed(claims_of(rp, **moved, iat=None, **changes), KEY)


UNBOUNDED = {
    "no exp": {"nbf": 0, "exp": None},
    "no nbf": {"nbf": None, "exp": 60},
    "an nbf of more than an hour ago": {"nbf": -HOUR - 10, "exp": 60},
    "an exp of more than an hour after nbf": {"nbf": 0, "exp": HOUR + 10},
    "an exp that never comes": {"nbf": 0, "exp": 200_000_000_000},
    "no aud": {"nbf": 0, "exp": 60, "aud": None},
}


@pytest.mark.spec("message signing §5.3.1")
def test_a_signed_request_without_bounds_is_refused(signed_in, rp):
    for title, changes in UNBOUNDED.items():
        object_ = request_of(rp, **changes)

        params = query_of(ask(signed_in, rp, object_, redirect_uri=rp.redirect_uri))
        pushed = rp.post("/par", request=object_)

        assert params["error"] == "invalid_request_object", title
        assert (pushed.status_code, pushed.json["error"]) == (400, "invalid_request_object"), title


@pytest.mark.spec("message signing §5.3.1")
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"nbf": 0, "exp": 60}, id="a minute"),
        pytest.param({"nbf": 0, "exp": HOUR}, id="an hour"),
        pytest.param({"nbf": -HOUR + 30, "exp": 30}, id="an hour that is nearly over"),
        pytest.param({"nbf": 0, "exp": 60, "aud": ["https://other.test", ISSUER]}, id="aud is a list"),
    ],
)
def test_a_signed_request_within_bounds_is_served(signed_in, rp, changes):
    assert "code" in query_of(ask(signed_in, rp, request_of(rp, **changes)))


def test_a_client_that_need_not_sign_may_leave_the_bounds_out(app, signed_in):
    green = RelyingParty(app, "green", jwks=JWKS)

    assert "code" in query_of(ask(signed_in, green, request_of(green, nbf=None, exp=None)))

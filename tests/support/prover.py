"""The holder of a key, who proves that with each request (rfc9449)."""

import base64
import hashlib
from itertools import count
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from provider.infrastructure import clock
from tests.factories import secret_of
from tests.support.browsers import ISSUER
from tests.support.relying_party import RelyingParty

_numbers = count()


def hash_of(access_token: str) -> str:
    digest = hashlib.sha256(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Prover:
    """One key; `proof` makes proofs with it, and changes make them wrong ones (None takes a member away)."""

    def __init__(self, key: Any = None, alg: str = "ES256") -> None:
        self.key = key or ECKey.generate_key("P-256", private=True)
        self.alg = alg

    @property
    def jkt(self) -> str:
        return self.key.thumbprint()

    def proof(
        self,
        path: str = "/token",
        method: str = "POST",
        *,
        access_token: str | None = None,
        header: dict[str, Any] | None = None,
        key: Any = None,
        **claims: Any,
    ) -> str:
        usual = {
            "jti": f"proof-{next(_numbers)}",
            "htm": method,
            "htu": ISSUER + path,
            "iat": int(clock.now().timestamp()),
            "ath": hash_of(access_token) if access_token else None,
        }
        said = {name: value for name, value in (usual | claims).items() if value is not None}
        top = {"typ": "dpop+jwt", "alg": self.alg, "jwk": self.key.as_dict(private=False)} | (header or {})
        top = {name: value for name, value in top.items() if value is not None}
        return jwt.encode(top, said, key or self.key, algorithms=[top["alg"]])

    def show(self, access_token: str, path: str = "/userinfo", method: str = "GET") -> dict[str, str]:
        """The headers by which this party shows an access token."""
        proof = self.proof(path, method, access_token=access_token)
        return {"Authorization": f"DPoP {access_token}", "DPoP": proof}


class Holder(RelyingParty):
    """A relying party that proves to hold a key with each request, unless a test gives it another proof."""

    def __init__(self, *arguments: Any, **made: Any) -> None:
        super().__init__(*arguments, **made)
        self.prover = Prover()

    def post(
        self, path: str, *, by: str | None = None, proof: str | None = None, **data: str | None
    ) -> TestResponse:
        form = {name: value for name, value in data.items() if value is not None}
        headers = {"DPoP": self.prover.proof(path) if proof is None else proof}
        if path != "/token" or not headers["DPoP"]:
            headers = {}
        if self.public:
            return self.http.post(path, data={"client_id": self.client_id} | form, headers=headers)
        name = by or self.client_id
        return self.http.post(path, data=form, headers=headers, auth=(name, secret_of(name)))

    def userinfo(self, access_token: str) -> TestResponse:
        return self.http.get("/userinfo", headers=self.prover.show(access_token))

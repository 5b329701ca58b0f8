"""The provider of the tests, adapted for the checks: it signs tokens and lets people sign in."""

import json
from typing import Any

import jwt
import requests
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from curfew_rp.checking.issuer import new_claims
from curfew_rp.checking.party import TYP, Claims, SignedIn
from curfew_rp.testing.provider import Client, Person, Provider


class ProviderParty:
    """A running provider for one of its clients; each browser belongs to a new person."""

    def __init__(self, provider: Provider, client: Client) -> None:
        self._provider = provider
        self._client = client
        self._person: Person | None = None
        self.url = provider.issuer
        self.client_id = client.client_id
        header = jwt.get_unverified_header(provider.logout_token(client))
        self.alg: str = header["alg"]
        self.kid: str = header["kid"]

    def claims(self) -> Claims:
        """Return the claims of a valid Logout Token for a session that never existed."""
        return new_claims(self.url, self.client_id)

    def sign(self, claims: Claims, *, key: Any = None, typ: str = TYP) -> str:
        """Have claims signed by the provider, or sign them with another key under the provider's kid."""
        if key is not None:
            return jwt.encode(claims, key, algorithm=self.alg, headers={"kid": self.kid, "typ": typ})
        # None for claims that are left out: otherwise the provider fills them in.
        exactly = dict.fromkeys(self.claims()) | claims
        return self._provider.logout_token(self._client, exactly, typ=typ)

    def public_pem(self) -> bytes:
        """Return the public key as PEM."""
        jwk = next(one for one in self._provider.jwks()["keys"] if one["kid"] == self.kid)
        key: Any = jwt.get_algorithm_by_name(self.alg).from_jwk(json.dumps(jwk))
        pem: bytes = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem

    def admit(self, browser: requests.Session) -> None:
        """Sign a new person in at the provider in this browser."""
        self._person = self._provider.add_person()
        self._provider.sign_in(browser, self._person)

    def last_sign_in(self) -> SignedIn:
        """Return the newest sign-in at the client. Raises LookupError if there was none."""
        sids = self._provider.sids(self._person, self._client) if self._person else []
        if self._person is None or not sids:
            raise LookupError(f"no one has signed in at {self.client_id} yet")
        return SignedIn(self._person.sub, sids[0])

"""The provider's role in a check: it signs tokens and lets people sign in."""

from dataclasses import dataclass
from typing import Any, Protocol

import requests

TYP = "logout+jwt"
Claims = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The identifiers by which the app knows one sign-in."""

    sub: str
    sid: str

    @property
    def names(self) -> Claims:
        """The claims by which a token identifies the sign-in."""
        return {"sub": self.sub, "sid": self.sid}


class Party(Protocol):
    """A provider for one client."""

    # The issuer.
    url: str
    client_id: str
    alg: str
    kid: str

    def claims(self) -> Claims:
        """Return the claims of a valid Logout Token for a session that never existed."""

    def sign(self, claims: Claims, *, key: Any = None, typ: str = TYP) -> str:
        """Sign claims with the published key, or with another key under the same kid."""

    def public_pem(self) -> bytes:
        """Return the public key as PEM."""

    def admit(self, browser: requests.Session) -> None:
        """Make sure that a person is signed in at the provider in this browser, so that no page asks."""

    def last_sign_in(self) -> SignedIn:
        """Return the newest sign-in at the client."""

"""The provider's part in a check: it signs tokens and lets people sign in."""

from dataclasses import dataclass
from typing import Any, Protocol

import requests

TYP = "logout+jwt"
Claims = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The names by which the app knows one sign-in."""

    sub: str
    sid: str

    @property
    def names(self) -> Claims:
        """The claims by which a token names it."""
        return {"sub": self.sub, "sid": self.sid}


class Party(Protocol):
    """A provider for one client."""

    # The issuer.
    url: str
    client_id: str
    alg: str
    kid: str

    def claims(self) -> Claims:
        """Return the claims of a Logout Token in order, of a session that never was."""

    def sign(self, claims: Claims, *, key: Any = None, typ: str = TYP) -> str:
        """Sign claims with the published key, or with another one under its name."""

    def public_pem(self) -> bytes:
        """Return the public key as text."""

    def admit(self, browser: requests.Session) -> None:
        """Have a person be signed in at the provider in this browser, so that no page asks."""

    def last_sign_in(self) -> SignedIn:
        """Return the newest sign-in at the client."""

"""DPoP (rfc9449): the key to which tokens are bound, and a proof of it for each request."""

import base64
import hashlib
import secrets
import time
from urllib.parse import urlsplit, urlunsplit

from joserfc import jwt
from joserfc.jwk import ECKey

ALGORITHM = "ES256"


class DPoPKey:
    """A private key of one sign-in; its tokens cannot be used without it."""

    def __init__(self, key: ECKey) -> None:
        self._key = key

    @classmethod
    def generate(cls) -> "DPoPKey":
        """Make a new key; each sign-in has its own."""
        return cls(ECKey.generate_key("P-256"))

    @classmethod
    def from_stored(cls, text: str) -> "DPoPKey":
        """Read what `to_store` wrote. Raises ValueError."""
        return cls(ECKey.import_key(text))

    def to_store(self) -> str:
        """Return the private key for the secret store, as PEM."""
        return self._key.as_pem(private=True).decode()

    @property
    def thumbprint(self) -> str:
        """The `jkt` that an authorization code is bound to (rfc9449 §10)."""
        return self._key.thumbprint()

    def proof(
        self, method: str, url: str, *, access_token: str | None = None, nonce: str | None = None
    ) -> str:
        """Return a proof for one request; rfc9449 §4.2: each has its own jti and is used once."""
        claims: dict[str, object] = {
            "htm": method,
            "htu": without_query(url),
            "iat": int(time.time()),
            "jti": secrets.token_urlsafe(16),
        }
        if access_token is not None:
            claims["ath"] = hash_of(access_token)
        if nonce is not None:
            claims["nonce"] = nonce
        header = {"typ": "dpop+jwt", "alg": ALGORITHM, "jwk": self._key.as_dict(private=False)}
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])


def without_query(url: str) -> str:
    """Return the `htu` of a URL (rfc9449 §4.2): no query, no fragment."""
    return urlunsplit(urlsplit(url)._replace(query="", fragment=""))


def hash_of(access_token: str) -> str:
    """Return the `ath` of an access token (rfc9449 §4.2)."""
    digest = hashlib.sha256(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

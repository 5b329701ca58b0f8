"""Reads an access token from a request and checks its binding (rfc6750 §2, rfc9449 §7, rfc8705 §3)."""

from dataclasses import dataclass, field
from functools import partial

from flask import Request

from provider.infrastructure import current
from provider.infrastructure.database import in_transaction, reading
from provider.oauth.client_proof import dpop
from provider.oauth.token.terms import JKT, X5T
from provider.protocol.errors import (
    InvalidDPoPProof,
    InvalidRequest,
    InvalidToken,
    RefusedProof,
    UseDPoPNonce,
    WantedNonce,
)
from provider.tokens.found import read_access_token
from provider.tokens.liveness import LiveAccessToken, find_access_token
from provider.tokens.models import AccessToken
from provider.web.client_certificate import client_certificate
from provider.web.cors import allow_pages_of


@dataclass(slots=True)
class PresentedToken:
    """An access token with the proof of possession that was sent with it."""

    handle: str = field(repr=False)
    is_dpop: bool
    proof: str | None = field(repr=False)
    certificate_thumbprint: str | None
    method: str
    url: str
    _proven: str | None = None

    def find(self, *, in_open_transaction: bool = False) -> LiveAccessToken | None:
        """Find the token if it is valid. Raises InvalidToken if it is not for us, or not the sender's.

        A DPoP proof is used up in a transaction of its own, unless the caller has one open.
        """
        with reading():
            found = find_access_token(self.handle)
        return self._checked(found, in_open_transaction=in_open_transaction)

    def read(self) -> LiveAccessToken | None:
        """Find the token in the same way, with rows that are only read."""
        return self._checked(read_access_token(self.handle), in_open_transaction=False)

    def _checked(self, found: LiveAccessToken | None, *, in_open_transaction: bool) -> LiveAccessToken | None:
        if found is not None:
            # Before the check: a page must be able to read the nonce that its proof lacks.
            allow_pages_of(found.holder)
            self.check(found.token, in_open_transaction=in_open_transaction)
        return found

    def check(self, token: AccessToken, *, in_open_transaction: bool = False) -> None:
        """Refuse a token for another audience, or one whose key the sender has not proven to have."""
        # rfc8707 §2: another resource server must not be able to use a token here that it was sent.
        if token.audience is not None and current.settings().issuer not in token.audience:
            raise InvalidToken("the access token is for another resource server")
        bound_to = token.cnf or {}
        if (JKT in bound_to) != self.is_dpop:
            # rfc9449 §7.2: a bound token must not be accepted as a bearer token, nor the reverse.
            raise InvalidToken(
                "the access token must be sent with the authentication scheme of its token_type"
            )
        if JKT in bound_to:
            self._prove(bound_to[JKT], in_open_transaction)
        if X5T in bound_to and bound_to[X5T] != self.certificate_thumbprint:
            raise InvalidToken("the access token is bound to another certificate")

    def _prove(self, jkt: str, in_open_transaction: bool) -> None:
        """Check the proof and use it up, once per request however often the token is looked at."""
        if self._proven is None:
            self._proven = self._use_up(jkt, in_open_transaction)
        if self._proven != jkt:
            raise InvalidToken("the access token is bound to another key")

    def _use_up(self, jkt: str, in_open_transaction: bool) -> str:
        if self.proof is None:
            raise RefusedProof("a DPoP proof is required")
        try:
            proof = dpop.read(self.proof, method=self.method, url=self.url, access_token=self.handle)
            # A proof of another key is not worth a row.
            if proof.jkt == jkt:
                use_up = partial(dpop.use_up, proof)
                use_up() if in_open_transaction else in_transaction(use_up)
        except InvalidDPoPProof as exc:
            raise RefusedProof(exc.description) from exc
        except UseDPoPNonce as exc:
            raise WantedNonce(exc.description) from exc
        return proof.jkt


def presented_token(request: Request, *, in_form: str | None = None) -> PresentedToken | None:
    """Return the token of a request, or None; rfc6750 §2: sent in one way, and never in the URL."""
    if request.query_string and "access_token" in request.args:
        raise InvalidRequest("the access token must not be in the URL")
    # Read directly from the environment, which is several times faster than a lookup by header name.
    scheme, _, in_header = request.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    in_header = in_header.strip() if scheme.lower() in {"bearer", "dpop"} else ""
    if in_header and in_form:
        raise InvalidRequest("the access token was sent twice")
    handle = in_header or in_form
    if not handle:
        return None
    certificate = client_certificate(request)
    return PresentedToken(
        handle=handle,
        is_dpop=bool(in_header) and scheme.lower() == "dpop",
        proof=request.environ.get("HTTP_DPOP"),
        certificate_thumbprint=certificate.thumbprint if certificate else None,
        method=request.method,
        url=current.settings().issuer + request.path,
    )

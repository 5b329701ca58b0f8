"""Requests of clients to the back-channel endpoints and their responses, independent of a framework."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provider.protocol.client_certificate import ClientCertificate
from provider.protocol.errors import ProtocolError


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRequest:
    """A form that a client posted, with the Authorization header and the certificate it came with."""

    url: str
    parameters: Mapping[str, str] = field(repr=False)
    # The path of the token endpoint, which assertions may name as their audience.
    token_path: str
    authorization: str = field(default="", repr=False)
    ip: str | None = None
    # rfc9449 §4.1: the proof of possession in the header DPoP.
    dpop: str | None = field(default=None, repr=False)
    # rfc9701 §4: the client wants the response as a JWT.
    wants_signed: bool = False
    # The client's certificate in the TLS handshake, as passed on by a proxy that the operator trusts.
    certificate: ClientCertificate | None = None

    @property
    def certificate_thumbprint(self) -> str | None:
        """The x5t#S256 of the client's certificate (rfc8705 §3.1)."""
        return self.certificate.thumbprint if self.certificate else None

    @property
    def writes_to_prove(self) -> bool:
        """Whether proving the client needs a write: the `jti` of an assertion is used up."""
        return "client_assertion" in self.parameters


@dataclass(frozen=True, slots=True)
class Granted:
    """The request was good; this is the body of the response."""

    body: dict[str, Any] = field(repr=False)
    # The same as a JWT, where the client asked for that.
    signed: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """The request was refused.

    A value and no exception, because what a refusal did must be committed: the family of a replayed
    token is revoked, a used assertion stays used.
    """

    error: ProtocolError


Outcome = Granted | Refused

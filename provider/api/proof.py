"""Proof for signing a person out: an access token, or a refresh token once the access token has expired.

A token that was revoked by the logout itself is still enough to get that logout's response again.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from flask import Request

from provider.api.caller import Caller, caller_of, check_scope
from provider.clients.models import Client
from provider.oauth.client_proof import dpop
from provider.oauth.client_proof.client_request import ClientRequest
from provider.oauth.token.server import prove_client
from provider.oauth.token.terms import JKT, X5T
from provider.protocol.errors import InvalidRequest, InvalidToken, MissingSession
from provider.protocol.scopes import ACCOUNT
from provider.tokens.liveness import find_refresh_token
from provider.tokens.queries import find_access_token_row
from provider.web.access_token import PresentedToken, presented_token
from provider.web.client_request import read_client_request


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidProof:
    """A token that is not valid: its grant, and when it expired or was revoked or replaced."""

    grant_id: UUID | None = None
    invalid_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccessTokenProof:
    """The person's access token."""

    shown: PresentedToken = field(repr=False)

    def prove_client(self) -> None:
        """Do nothing: possession of the token, and of the key if it is bound to one, is enough."""

    def find(self) -> Caller | InvalidProof:
        """Return the token's caller, or what is known about an invalid token. A transaction is open."""
        found = self.shown.find(in_open_transaction=True)
        if found is not None:
            return caller_of(found)
        row = find_access_token_row(self.shown.handle)
        if row is None or ACCOUNT not in row.scope.split():
            return InvalidProof()
        self.shown.check(row, in_open_transaction=True)
        return InvalidProof(grant_id=row.grant_id, invalid_since=_first(row.expires_at, row.revoked_at))


@dataclass(slots=True)
class RefreshTokenProof:
    """The person's refresh token, sent by the client to which it was issued."""

    request: ClientRequest
    client: Client | None = None
    jkt: str | None = None

    def prove_client(self) -> None:
        """Authenticate the client, and read its proof of possession of a key, as at the token endpoint."""
        self.client = prove_client(self.request)
        self.jkt = dpop.thumbprint_of(self.request)

    def find(self) -> Caller | InvalidProof:
        """Return the token's caller, or what is known about an invalid token; a rotated one is invalid."""
        found = find_refresh_token(self.request.parameters["refresh_token"], lock=False)
        if found is None or self.client is None or found.client.id != self.client.id:
            return InvalidProof()
        self._check_key(found.token.cnf or {})
        check_scope(found.client, found.token.scope.split())
        token = found.token
        if found.is_valid and token.rotated_at is None:
            return Caller(
                account=found.account, client=found.client, grant=found.grant, session=found.session
            )
        invalid_since = _first(token.expires_at, token.revoked_at, token.rotated_at)
        return InvalidProof(grant_id=token.grant_id, invalid_since=invalid_since)

    def _check_key(self, bound_to: dict[str, str]) -> None:
        """Raise InvalidToken unless the request proves the key of a bound token (rfc9449 §5, rfc8705 §4)."""
        proven = {JKT: self.jkt, X5T: self.request.certificate_thumbprint}
        if any(proven[name] != value for name, value in bound_to.items()):
            raise InvalidToken(
                "the refresh token is bound to a key, and the request does not prove possession of it"
            )


Proof = AccessTokenProof | RefreshTokenProof


def read_proof(request: Request) -> Proof:
    """Read the request's token: exactly one, sent in one way (rfc6750 §2). Raises MissingSession if none."""
    asked = read_client_request(request)
    shown = presented_token(request)
    if shown and "refresh_token" in asked.parameters:
        raise InvalidRequest("send an access token or a refresh token, not both")
    if shown:
        return AccessTokenProof(shown)
    if "refresh_token" not in asked.parameters:
        raise MissingSession("an access token or a refresh token is required")
    return RefreshTokenProof(asked)


def _first(*instants: datetime | None) -> datetime:
    return min(instant for instant in instants if instant is not None)

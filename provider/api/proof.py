"""Proof for signing a person out: an access token, or a refresh token once that has expired.

A token that the ending itself has killed still proves enough to be told of that ending again.
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
from provider.web.access_token import ShownToken, shown_token
from provider.web.client_request import read_client_request


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadProof:
    """A token that does not live: what it hung on, and when it would have died or did die by itself."""

    grant_id: UUID | None = None
    died_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccessTokenProof:
    """The person's access token."""

    shown: ShownToken = field(repr=False)

    def prove_client(self) -> None:
        """Nothing: who holds the token, and its key where it has one, is the client."""

    def find(self) -> Caller | DeadProof:
        """Return whom the token stands for, or what it was. The caller has a transaction open."""
        found = self.shown.find(in_open_transaction=True)
        if found is not None:
            return caller_of(found)
        row = find_access_token_row(self.shown.handle)
        if row is None or ACCOUNT not in row.scope.split():
            return DeadProof()
        self.shown.check(row, in_open_transaction=True)
        return DeadProof(grant_id=row.grant_id, died_at=_first(row.expires_at, row.revoked_at))


@dataclass(slots=True)
class RefreshTokenProof:
    """The person's refresh token, handed in by the client that it was issued to."""

    request: ClientRequest
    client: Client | None = None
    jkt: str | None = None

    def prove_client(self) -> None:
        """Prove the client, and the key that it may have, as at the token endpoint."""
        self.client = prove_client(self.request)
        self.jkt = dpop.thumbprint_of(self.request)

    def find(self) -> Caller | DeadProof:
        """Return whom the token stands for, or what it was; one that was rotated is as good as dead."""
        found = find_refresh_token(self.request.parameters["refresh_token"], lock=False)
        if found is None or self.client is None or found.client.id != self.client.id:
            return DeadProof()
        self._check_key(found.token.cnf or {})
        check_scope(found.client, found.token.scope.split())
        token = found.token
        if found.lives and token.rotated_at is None:
            return Caller(
                account=found.account, client=found.client, grant=found.grant, session=found.session
            )
        died_at = _first(token.expires_at, token.revoked_at, token.rotated_at)
        return DeadProof(grant_id=token.grant_id, died_at=died_at)

    def _check_key(self, bound_to: dict[str, str]) -> None:
        """rfc9449 §5, rfc8705 §4: whoever has a bound token and not its key has stolen it."""
        proven = {JKT: self.jkt, X5T: self.request.certificate_thumbprint}
        if any(proven[name] != value for name, value in bound_to.items()):
            raise InvalidToken(
                "the refresh token is bound to a key, and the request does not prove possession of it"
            )


Proof = AccessTokenProof | RefreshTokenProof


def read_proof(request: Request) -> Proof:
    """Read what a request shows; rfc6750 §2: one token, by one way. Raises MissingSession without any."""
    asked = read_client_request(request)
    shown = shown_token(request)
    if shown and "refresh_token" in asked.parameters:
        raise InvalidRequest("send an access token or a refresh token, not both")
    if shown:
        return AccessTokenProof(shown)
    if "refresh_token" not in asked.parameters:
        raise MissingSession("an access token or a refresh token is required")
    return RefreshTokenProof(asked)


def _first(*instants: datetime | None) -> datetime:
    return min(instant for instant in instants if instant is not None)

"""Acts on the credentials of a client: its secret, and the token that changes its registration."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.clients import change, registration_token
from provider.clients.models import Client
from provider.tokens import service


class NoRegistrationToken(Exception):
    """The client has no registration access token that could be revoked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """A secret that has replaced another, and how many service tokens ended as a result."""

    secret: str = field(repr=False)
    service_tokens_ended: int


def rotate_secret(
    client: Client,
    *,
    secret: str | None = None,
    overlap: timedelta = change.ROTATION_OVERLAP,
    keep_tokens: bool = False,
) -> Rotated:
    """Replace a client's secret, generated if none is given; the old one stays valid for the overlap.

    Its service tokens end at once, unless `keep_tokens` says otherwise. Raises NoSecret or UnusableSecret.
    """
    ended = 0 if keep_tokens else service.count_valid(client)
    secret = change.rotate_secret(client, secret=secret, overlap=overlap, keep_tokens=keep_tokens)
    _record(client, "client_secret", service_tokens_ended=ended)
    return Rotated(secret=secret, service_tokens_ended=ended)


def give_registration_token(client: Client) -> str:
    """Give a client a registration access token (rfc7592 §3); its previous one becomes invalid."""
    token = registration_token.give(client)
    _record(client, "registration_access_token")
    return token


def revoke_registration_token(client: Client) -> None:
    """Revoke a client's token; then only the operator can change it. Raises NoRegistrationToken."""
    if not registration_token.revoke(client):
        raise NoRegistrationToken(f"the client {client.client_id!r} has no registration access token")
    _record(client, "registration_access_token")


def _record(client: Client, changed: str, **detail: Any) -> None:
    record(EventTag.CLIENT_UPDATED, actor="admin", client_id=client.client_id, changed=[changed], **detail)

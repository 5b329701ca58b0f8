"""Client secrets: generated here with 256 bits, shown once and stored as keyed digests (KEY-18)."""

import hmac
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from provider.clients import secret_use
from provider.clients.models import Client
from provider.infrastructure import clock, current
from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import new_handle
from provider.infrastructure.secrets import SecretBox

PREFIX = "cfs_"
_LABEL = "client-secret"
LEAST_LENGTH = 16
_MOST_LENGTH = 512


class UnusableSecret(ValueError):
    """The given secret cannot be used; the message says why, without repeating the secret."""


def new_secret() -> str:
    """Return a fresh secret of 256 random bits."""
    return new_handle(PREFIX)


def check_given(secret: str) -> None:
    """Raise UnusableSecret for a secret with a wrong length or characters that requests cannot carry."""
    if not LEAST_LENGTH <= len(secret) <= _MOST_LENGTH:
        raise UnusableSecret(f"a client secret has {LEAST_LENGTH} to {_MOST_LENGTH} characters")
    # rfc6749 appendix A.2: client-secret = *VSCHAR.
    if not all(" " <= character <= "~" for character in secret):
        raise UnusableSecret("a client secret has only visible ASCII characters")


def keep(client: Client, secret: str) -> None:
    """Store a secret in place of the client's current one, under the newest data key."""
    client.previous_secret_digest = _lifted(client, client.previous_secret_digest)
    client.secret_generation = _box_for(client).generation
    client.secret_digest = _digest(client, secret)


def replace(client: Client, secret: str) -> None:
    """Store a new secret for the client and make the current one its previous secret."""
    client.previous_secret_digest = client.secret_digest
    keep(client, secret)


def seal_anew(after: UUID | None, limit: int) -> tuple[int, UUID | None]:
    """Bring the digests of some clients under the newest data key, in the open transaction.

    Returns the number of clients changed and the last client examined, which is None at the end.
    """
    some = select(Client).order_by(Client.id).limit(limit).with_for_update(key_share=True)
    some = some.execution_options(populate_existing=True)
    clients = db.session.scalars(some if after is None else some.where(Client.id > after)).all()
    count = 0
    for client in clients:
        newest = _box_for(client).generation
        if client.secret_generation >= newest or not (client.secret_digest or client.previous_secret_digest):
            continue
        client.secret_digest = _lifted(client, client.secret_digest)
        client.previous_secret_digest = _lifted(client, client.previous_secret_digest)
        client.secret_generation, count = newest, count + 1
    db.session.flush()
    return count, clients[-1].id if clients else None


def check_secret(client: Client, presented: str) -> bool:
    """Return whether this is one of the client's valid secrets (KEY-19), in constant time."""
    digest = _digest(client, presented[: _MOST_LENGTH + 1])
    now = clock.now()
    current_one = _is_equal(client.secret_digest, client.secret_expires_at, digest, now)
    previous_one = _is_equal(client.previous_secret_digest, client.previous_secret_expires_at, digest, now)
    if (current_one or previous_one) and has_two(client, now):
        secret_use.note(client, previous=not current_one)
    return current_one | previous_one


def is_current(client: Client, secret: str) -> bool:
    """Return whether this is the client's secret, and not its previous one; does not record its use."""
    return _is_equal(client.secret_digest, client.secret_expires_at, _digest(client, secret), clock.now())


def end_of(client: Client, presented: str) -> datetime | None:
    """Return when a secret expires that has just authenticated its client; None if it does not expire."""
    if client.secret_expires_at is None and client.previous_secret_expires_at is None:
        return None
    is_current = hmac.compare_digest(client.secret_digest or "", _digest(client, presented))
    return client.secret_expires_at if is_current else client.previous_secret_expires_at


def has_two(client: Client, now: datetime) -> bool:
    """Return whether two secrets are valid."""
    ends = client.previous_secret_expires_at
    return client.previous_secret_digest is not None and (ends is None or now < ends)


def _digest(client: Client, secret: str) -> str:
    """Return the keyed digest in which a secret of the client is stored."""
    return _box_for(client).layered_digest(_LABEL, secret, generation=client.secret_generation)


def _lifted(client: Client, digest: str | None) -> str | None:
    """Return one of the client's digests with a layer added for each newer data key."""
    if digest is None:
        return None
    box = _box_for(client)
    return box.add_layers(_LABEL, digest, above=client.secret_generation, generation=box.generation)


def _box_for(client: Client) -> SecretBox:
    # A new client has no generation yet.
    return current.secret_box(at_least=client.secret_generation or 0)


def _is_equal(stored: str | None, expires_at: datetime | None, digest: str, now: datetime) -> bool:
    # A client without a secret takes the same time as one that has a secret.
    equal = hmac.compare_digest(stored or "-" * len(digest), digest)
    return equal and stored is not None and (expires_at is None or now < expires_at)

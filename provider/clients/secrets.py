"""Client secrets: made here with 256 bits and shown once, kept as keyed digests (KEY-18)."""

import hmac
from datetime import datetime

from provider.clients import secret_use
from provider.clients.models import Client
from provider.infrastructure import clock, current
from provider.infrastructure.opaque_tokens import new_handle

PREFIX = "cfs_"
LEAST_LENGTH = 16
_MOST_LENGTH = 512


class UnusableSecret(ValueError):
    """The given secret cannot be used; the sentence says why, without repeating it."""


def new_secret() -> str:
    """Return a fresh secret of 256 random bits."""
    return new_handle(PREFIX)


def check_given(secret: str) -> None:
    """Raise UnusableSecret for a given secret that is too short or cannot travel in every request."""
    if not LEAST_LENGTH <= len(secret) <= _MOST_LENGTH:
        raise UnusableSecret(f"a client secret has {LEAST_LENGTH} to {_MOST_LENGTH} characters")
    # rfc6749 appendix A.2: client-secret = *VSCHAR.
    if not all(" " <= character <= "~" for character in secret):
        raise UnusableSecret("a client secret has only visible ASCII characters")


def digest_secret(secret: str) -> str:
    """Return the keyed digest under which a secret is kept."""
    return current.secret_box().keyed_digest("client-secret", secret)


def check_secret(client: Client, presented: str) -> bool:
    """Return whether this is one of the client's secrets in force (KEY-19), in constant time."""
    digest = digest_secret(presented[: _MOST_LENGTH + 1])
    now = clock.now()
    current_one = _is_equal(client.secret_digest, client.secret_expires_at, digest, now)
    previous_one = _is_equal(client.previous_secret_digest, client.previous_secret_expires_at, digest, now)
    if (current_one or previous_one) and has_two(client, now):
        secret_use.note(client, previous=not current_one)
    return current_one | previous_one


def end_of(client: Client, presented: str) -> datetime | None:
    """Return the end of a secret that has just proven its client; None for one that has no end."""
    is_current = hmac.compare_digest(client.secret_digest or "", digest_secret(presented))
    return client.secret_expires_at if is_current else client.previous_secret_expires_at


def has_two(client: Client, now: datetime) -> bool:
    """Whether two secrets are in force."""
    ends = client.previous_secret_expires_at
    return client.previous_secret_digest is not None and (ends is None or now < ends)


def _is_equal(stored: str | None, expires_at: datetime | None, digest: str, now: datetime) -> bool:
    # A client without a secret costs the same comparison as one with.
    equal = hmac.compare_digest(stored or "-" * len(digest), digest)
    return equal and stored is not None and (expires_at is None or now < expires_at)

"""Revoke individual tokens, while their grants and sessions go on."""

from uuid import UUID

from sqlalchemy import func, update

from provider.infrastructure import clock
from provider.infrastructure.database import change
from provider.infrastructure.opaque_tokens import digest_of
from provider.tokens.models import AccessToken, RefreshToken


def revoke_family(family_id: UUID) -> int:
    """Revoke the refresh tokens of a family with the access tokens that came with them (rfc7009 §2.1).

    The caller holds the grant's lock, so that no refresh adds a token behind our back.
    """
    now = clock.now()
    refresh_tokens = (
        update(RefreshToken)
        .where(RefreshToken.family_id == family_id, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    access_tokens = (
        update(AccessToken)
        .where(AccessToken.family_id == family_id, AccessToken.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    return change(refresh_tokens) + change(access_tokens)


def revoke_access_token(handle: str, *, owner_id: UUID) -> bool:
    """Revoke one access token of a client; False when there is none that could be revoked."""
    mine = (
        update(AccessToken)
        .where(
            AccessToken.digest == digest_of(handle),
            func.coalesce(AccessToken.actor_id, AccessToken.client_id) == owner_id,
            AccessToken.revoked_at.is_(None),
        )
        .values(revoked_at=clock.now())
    )
    return change(mine) == 1


def revoke_exchanged(family_id: UUID) -> int:
    """Revoke the tokens that services got in exchange for the access tokens of a family (rfc8693).

    It is not recorded for which of its tokens, so all are revoked. The caller holds the grant's lock, under
    which tokens are exchanged.
    """
    taken = (
        update(AccessToken)
        .where(
            AccessToken.family_id == family_id,
            AccessToken.actor_id.is_not(None),
            AccessToken.revoked_at.is_(None),
        )
        .values(revoked_at=clock.now())
    )
    return change(taken)

"""Questions about the signing keys."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from provider.infrastructure.database import db
from provider.keys.models import KeyState, SigningKey

PUBLISHED = (KeyState.ACTIVE, KeyState.NEXT, KeyState.RETIRED)


class UnknownKey(Exception):
    """No signing key has this kid."""


def list_keys(*, include_destroyed: bool = True) -> list[SigningKey]:
    """Return the keys from oldest to newest, read from the database now."""
    wanted = select(SigningKey).order_by(SigningKey.created_at, SigningKey.id)
    if not include_destroyed:
        wanted = wanted.where(SigningKey.state != KeyState.DESTROYED)
    # Another process may have changed a key that this session has already loaded.
    return list(db.session.scalars(wanted.execution_options(populate_existing=True)))


def get_key(kid: str) -> SigningKey:
    """Return one key, read from the database now. Raises UnknownKey."""
    wanted = select(SigningKey).where(SigningKey.kid == kid).execution_options(populate_existing=True)
    key = db.session.scalars(wanted).one_or_none()
    if key is None:
        raise UnknownKey(f"no signing key has the kid {kid}")
    return key


def list_sealed_rows() -> Sequence[Row[str, str, bytes | None]]:
    """Return the keys that still have a private part, the cheapest to unseal first."""
    columns = (SigningKey.kid, SigningKey.alg, SigningKey.sealed_private_key)
    sealed = select(*columns).where(SigningKey.sealed_private_key.is_not(None))
    return db.session.execute(sealed.order_by(SigningKey.alg)).all()


def list_usable_rows() -> Sequence[Row[Any]]:
    """Return what signing and verifying need, as plain rows outside the session."""
    columns = (
        SigningKey.kid,
        SigningKey.alg,
        SigningKey.state,
        SigningKey.public_jwk,
        SigningKey.sealed_private_key,
    )
    wanted = select(*columns).where(SigningKey.state != KeyState.DESTROYED)
    return db.session.execute(wanted.order_by(SigningKey.created_at, SigningKey.id)).all()

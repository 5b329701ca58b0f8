"""Signing keys made once for a whole test run: making an RSA key takes longer than most tests."""

from typing import Any

from sqlalchemy import inspect, select

from provider.infrastructure.database import db, transaction
from provider.keys.lifecycle import ensure_keys
from provider.keys.models import SigningKey

_kept: list[dict[str, Any]] = []


def have_keys() -> None:
    """See that there are keys that sign, those of an earlier test if there was one."""
    with transaction():
        if _kept and db.session.scalar(select(SigningKey.id).limit(1)) is None:
            db.session.add_all(SigningKey(**row) for row in _kept)
            db.session.flush()
        ensure_keys()
        if not _kept:
            names = [column.key for column in inspect(SigningKey).column_attrs]
            keys = db.session.scalars(select(SigningKey))
            _kept.extend({name: getattr(key, name) for name in names} for key in keys)

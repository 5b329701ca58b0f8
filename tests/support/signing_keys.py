"""Signing keys, made once in this process: RSA keys take time to make."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from provider.infrastructure import clock, current
from provider.infrastructure.database import Base, db
from provider.keys.lifecycle import ensure_keys

# The rows, by the secret key that they are sealed with.
_made: dict[str, list[dict[str, Any]]] = {}


def provide() -> None:
    """See that there are keys that sign, inside a transaction; those that exist are left as they are."""
    table = Base.metadata.tables["signing_key"]
    if db.session.execute(select(table.c.kid).limit(1)).first() is not None:
        return
    secret = current.settings().secret_key
    if secret in _made:
        db.session.execute(table.insert(), _made[secret])
        return
    ensure_keys()
    db.session.flush()
    if abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1):
        _made[secret] = [dict(row) for row in db.session.execute(table.select()).mappings()]

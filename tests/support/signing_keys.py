"""Signing keys, made once in this process: RSA keys take time to make."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import literal_column, select

from provider.infrastructure import built_once, clock, current
from provider.infrastructure.database import Base, connection, db
from provider.infrastructure.one_row import insert_row
from provider.keys.lifecycle import ensure_keys
from provider.keys.models import SigningKey

_table = Base.metadata.tables["signing_key"]
_ANY = select(_table.c.kid).limit(literal_column("1"))
# The rows, by the secret key that they are sealed with.
_made: dict[str, list[dict[str, Any]]] = {}


def provide() -> None:
    """See that there are keys that sign, inside a transaction; those that exist are left as they are."""
    if built_once.fetch(connection(), _ANY, {}):
        return
    secret = current.settings().secret_key
    if secret in _made:
        for row in _made[secret]:
            insert_row(SigningKey, row)
        return
    ensure_keys()
    db.session.flush()
    if abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1):
        _made[secret] = [dict(row) for row in db.session.execute(_table.select()).mappings()]

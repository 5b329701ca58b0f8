"""DPoP proofs may be used once each (rfc9449 §11.1); the database decides, for all processes."""

from datetime import datetime

from sqlalchemy.dialects import postgresql, sqlite

from provider.infrastructure.database import db, is_sqlite
from provider.infrastructure.opaque_tokens import digest_of
from provider.tokens.models import UsedProof


def use_once(jkt: str, jti: str, expires_at: datetime) -> bool:
    """Note that a key's proof was used; False if it was already used."""
    insert = sqlite.insert if is_sqlite() else postgresql.insert
    # A thumbprint has a fixed length, so different pairs never give the same text.
    row = {"digest": digest_of(f"{jkt}{jti}"), "expires_at": expires_at}
    # Determined by RETURNING, because not every driver counts the rows of an insert.
    noted = insert(UsedProof).values(row).on_conflict_do_nothing().returning(UsedProof.digest)
    return db.session.scalar(noted) is not None

"""Each client assertion may be used only once (ABU-51); the database decides, for all processes."""

from datetime import datetime

from sqlalchemy.dialects import postgresql, sqlite

from provider.clients.models import Client, UsedAssertion
from provider.infrastructure.database import db, is_sqlite
from provider.infrastructure.opaque_tokens import digest_of


def use_once(client: Client, jti: str, expires_at: datetime) -> bool:
    """Record the use of an assertion; False if it was already used."""
    insert = sqlite.insert if is_sqlite() else postgresql.insert
    row = {"client_id": client.id, "jti_digest": digest_of(jti), "expires_at": expires_at}
    # With RETURNING, because not every driver reports the row count of an insert.
    noted = insert(UsedAssertion).values(row).on_conflict_do_nothing().returning(UsedAssertion.jti_digest)
    return db.session.scalar(noted) is not None

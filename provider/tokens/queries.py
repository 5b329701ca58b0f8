"""Queries for tokens, valid or not; `liveness` finds valid ones."""

from sqlalchemy import select

from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import digest_of
from provider.tokens.models import AccessToken


def find_access_token_row(handle: str) -> AccessToken | None:
    """Find an access token, valid or not. Served by the unique index on its digest."""
    known = select(AccessToken).where(AccessToken.digest == digest_of(handle))
    return db.session.scalars(known, execution_options={"populate_existing": True}).one_or_none()

"""Whether the process lives and whether it can serve, for those who start and stop it."""

from flask import Response, jsonify
from sqlalchemy import select

from provider.infrastructure.database import db, end_read
from provider.infrastructure.provider_state import THE_ROW, ProviderState
from provider.protocol.errors import TemporarilyUnavailable


def live() -> Response:
    """Answer that the process runs; it asks nobody else, lest a slow database restart the provider."""
    return jsonify(status="ok")


def ready() -> Response:
    """Answer whether requests can be served: the database answers and has been set up."""
    row = db.session.scalar(select(ProviderState.id).where(ProviderState.id == THE_ROW))
    end_read()
    if row is None:
        raise TemporarilyUnavailable("the database has not been set up")
    return jsonify(status="ok")

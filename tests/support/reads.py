"""Reads of a test beside the requests that it makes."""

from provider.infrastructure.database import db


def end_read() -> None:
    """End the test's own read, so that its next one sees what requests and workers have committed since."""
    db.session.commit()

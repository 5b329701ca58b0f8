"""Decisions made while one request is answered; discarded with the request.

Kept in the request's own environment and not in Flask's `g`, which lives as long as the application
context and so may outlive a request that was made inside another context.
"""

from typing import Any

from flask import request


def notes() -> dict[str, Any]:
    """Return the notes of the request at work."""
    found: dict[str, Any] = request.environ.setdefault("curfew.notes", {})
    return found

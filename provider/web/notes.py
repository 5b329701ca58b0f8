"""The request that is being answered, and values that are kept meanwhile.

These are in the request's own environment and not in Flask's `g`, which lives as long as the application
context and may outlive a request that was made inside another context.
"""

from typing import Any

from flask import Request
from flask.globals import _cv_request as _context


def this_request() -> Request:
    """Return the request object itself: each access through Flask's proxy costs several calls."""
    return _context.get().request


def notes() -> dict[str, Any]:
    """Return the notes of the current request."""
    found: dict[str, Any] = _context.get().request.notes  # type: ignore[attr-defined]  # A StrictRequest.
    return found

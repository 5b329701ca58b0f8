"""Values that are kept while one request is answered.

They are in the request's own environment and not in Flask's `g`, which lives as long as the application
context and may outlive a request that was made inside another context.
"""

from typing import Any

from flask import request


def notes() -> dict[str, Any]:
    """Return the notes of the current request."""
    found: dict[str, Any] = request.environ.setdefault("curfew.notes", {})
    return found

"""The request that is being answered, and values that are kept meanwhile.

These are in the request's own environment and not in Flask's `g`, which lives as long as the application
context and may outlive a request that was made inside another context.
"""

from collections.abc import Callable
from typing import Any

from flask import Request, request

# The request itself: each look through Flask's proxy costs several calls.
this_request: Callable[[], Request] = request._get_current_object  # type: ignore[attr-defined]  # noqa: SLF001


def notes() -> dict[str, Any]:
    """Return the notes of the current request."""
    found: dict[str, Any] = this_request().environ.setdefault("curfew.notes", {})
    return found

"""Redirects to our own pages, by the names of their routes."""

from typing import Any

from flask import redirect, url_for
from werkzeug.wrappers import Response


def redirect_to(endpoint: str, **values: Any) -> Response:
    """Redirect to an endpoint; rfc9700 §4.12: by 303, which never posts a form again."""
    return redirect(url_for(endpoint, **values), 303)

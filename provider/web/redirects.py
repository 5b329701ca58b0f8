"""Redirects, to any address and to our own pages by the names of their routes."""

from typing import Any

from flask import url_for
from markupsafe import escape

from provider.infrastructure import current
from provider.web.response import Response
from provider.web.routes import table

_STATUS = 303


def redirect(address: str) -> Response:
    """Redirect to an address; rfc9700 §4.12: by 303, which never posts a form again."""
    shown = escape(address)
    # rfc9110 §15.4.4: 'a short hypertext note with a hyperlink', for a client that does not follow it.
    note = (
        '<!doctype html>\n<html lang="en">\n<title>Redirecting...</title>\n'
        f'<p>Continue at <a href="{shown}">{shown}</a>.</p>\n'
    ).encode()
    response = Response([note], _STATUS, content_type="text/html; charset=utf-8")
    response.headers.add("Location", address)
    return response


def redirect_to(endpoint: str, **values: Any) -> Response:
    """Redirect to an endpoint."""
    return redirect(url_for(endpoint, **values))


def redirect_to_handle(endpoint: str, handle: str, *, sealed: str | None = None) -> Response:
    """Redirect to an endpoint whose only variable part is a handle; `sealed` goes with it."""
    # The framework would search for characters to encode; a handle has none.
    address = current.settings().issuer_path + table().path_with(endpoint, handle)
    return redirect(f"{address}?sealed={sealed}" if sealed else address)

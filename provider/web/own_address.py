"""Paths of our own pages; every link, form and redirect to one uses this or `url_for`."""

from flask import Flask, request
from flask import redirect as redirect_anywhere
from werkzeug.wrappers import Response


def install(app: Flask) -> None:
    """Give templates the same function."""
    app.jinja_env.globals["own_path"] = own_path


def own_path(path: str) -> str:
    """Return the path of one of our pages as a browser requests it, below the issuer's path."""
    return request.script_root + path


def redirect_to_own(path: str) -> Response:
    """Redirect to one of our pages; rfc9700 §4.12: by 303, which never posts a form again."""
    return redirect_anywhere(own_path(path), 303)

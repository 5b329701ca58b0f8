"""Where our own pages are: every link, form and redirect to one of them goes through here or `url_for`."""

from flask import Flask, request
from flask import redirect as redirect_anywhere
from werkzeug.wrappers import Response


def install(app: Flask) -> None:
    """Give templates the same function."""
    app.jinja_env.globals["own_path"] = own_path


def own_path(path: str) -> str:
    """Return the path of one of our addresses as a browser asks for it, below the issuer's path."""
    return request.script_root + path


def redirect_to_own(path: str) -> Response:
    """Lead to one of our addresses; rfc9700 §4.12: by 303, which never posts a form again."""
    return redirect_anywhere(own_path(path), 303)

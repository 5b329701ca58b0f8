"""The frame of every page: where templates and static files live and what they may use."""

import hashlib
from pathlib import Path
from typing import Any

from flask import Flask, Response, make_response, render_template, url_for
from markupsafe import Markup

from provider.protocol.idn import uri_in_both_forms
from provider.web import headers

_STATIC = Path(__file__).parent / "static"
_DIGEST_LENGTH = 12


def install(app: Flask) -> None:
    """Serve the static files and give templates what the layout needs."""
    app.static_folder = str(_STATIC)
    if "static" not in app.view_functions:
        app.add_url_rule("/static/<path:filename>", "static", app.send_static_file)
    app.jinja_env.filters["uri_in_both_forms"] = uri_in_both_forms
    digests = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:_DIGEST_LENGTH]
        for path in _STATIC.iterdir()
    }

    def static_url(name: str) -> str:
        return url_for("static", filename=name, v=digests[name])

    def script(name: str, *, connects: bool = False) -> Markup:
        headers.allow_script(connects=connects)
        return Markup('<script src="{}" defer></script>').format(static_url(name))

    app.jinja_env.globals["static_url"] = static_url
    app.jinja_env.globals["script"] = script
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def page(template: str, status: int = 200, **context: Any) -> Response:
    """Return a page."""
    response = make_response(render_template(template, **context), status)
    response.vary.add("Accept-Language")
    return response

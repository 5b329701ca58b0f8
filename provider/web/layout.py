"""The layout of every page: its templates and static files."""

import hashlib
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, make_response, render_template, request, url_for
from markupsafe import Markup

from provider.protocol.idn import uri_in_both_forms
from provider.web import headers
from provider.web.route import Route, Speaks
from provider.web.strict_request import query_pairs

_STATIC = Path(__file__).parent / "static"
_TEMPLATES = Path(__file__).parent / "templates"
_DIGEST_LENGTH = 12
_ONE_YEAR = 365 * 24 * 3600


def install(app: Flask) -> None:
    """Give templates what the layout needs."""
    app.static_folder, app.template_folder = str(_STATIC), str(_TEMPLATES)
    app.jinja_env.filters["uri_in_both_forms"] = uri_in_both_forms
    digests = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:_DIGEST_LENGTH]
        for path in _STATIC.iterdir()
    }

    def static_url(name: str) -> str:
        return url_for("web.static", filename=name, v=digests[name])

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


def static(filename: str) -> Response:
    """Style sheets, scripts and icons of the pages."""
    response = current_app.send_static_file(filename)
    if response.status_code in (200, 304):
        # The address holds a digest of the content, so that a new content has a new address.
        lifetime = f"max-age={_ONE_YEAR}, immutable" if "v" in dict(query_pairs(request)) else "max-age=300"
        response.headers["Cache-Control"] = f"public, {lifetime}"
    return response


ROUTE = Route(
    rule="/static/<path:filename>", name="static", view=static, speaks=Speaks.FILE, answers_head=True
)

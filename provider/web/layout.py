"""The layout of every page: its templates and static files."""

from pathlib import Path
from typing import Any

from flask import Flask, Response, make_response, render_template
from markupsafe import Markup

from provider.infrastructure import current
from provider.protocol.idn import uri_in_both_forms
from provider.web import headers
from provider.web.route import Route, Speaks
from provider.web.static_files import StaticFiles

FILES = StaticFiles(Path(__file__).parent / "static")
_ADDRESS = "/static/"
_TEMPLATES = Path(__file__).parent / "templates"


def install(app: Flask) -> None:
    """Give templates what the layout needs."""
    app.template_folder = str(_TEMPLATES)
    app.jinja_env.filters["uri_in_both_forms"] = uri_in_both_forms

    with app.app_context():
        prefix = f"{current.settings().issuer_path}{_ADDRESS}"

    def static_url(name: str) -> str:
        # Without the framework's help: every page has three of them.
        return f"{prefix}{name}?v={FILES.version(name)}"

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
    return FILES.answer(filename)


ROUTE = Route(
    rule=f"{_ADDRESS}<path:filename>",
    name="static",
    view=static,
    speaks=Speaks.FILE,
    answers_head=True,
    constant_at=FILES.addresses(_ADDRESS),
)

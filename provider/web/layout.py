"""The layout of every page: its templates and static files."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, render_template
from markupsafe import Markup

from provider.infrastructure import current
from provider.infrastructure.opaque_tokens import new_handle
from provider.protocol.idn import uri_in_both_forms
from provider.web import headers
from provider.web.i18n import locale
from provider.web.response import Response as OwnResponse
from provider.web.route import Route, Speaks
from provider.web.static_files import StaticFiles

FILES = StaticFiles(Path(__file__).parent / "static")
_ADDRESS = "/static/"
_TEMPLATES = Path(__file__).parent / "templates"
# About a megabyte in each process.
_MOST_KEPT = 256
_TOKEN_GOES_HERE = new_handle()


def install(app: Flask) -> None:
    """Give templates what the layout needs."""
    app.template_folder = str(_TEMPLATES)
    app.jinja_env.filters["uri_in_both_forms"] = uri_in_both_forms

    with app.app_context():
        prefix = f"{current.settings().issuer_path}{_ADDRESS}"

    def static_url(name: str) -> str:
        # Built without `url_for`, because every page has three of these addresses.
        return f"{prefix}{name}?v={FILES.version(name)}"

    def script(name: str, *, connects: bool = False) -> Markup:
        headers.allow_script(connects=connects)
        return _script_at(static_url(name))

    app.jinja_env.globals["static_url"] = static_url
    app.jinja_env.globals["script"] = script
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


@lru_cache(maxsize=_MOST_KEPT)
def _script_at(address: str) -> Markup:
    return Markup('<script src="{}" defer></script>').format(address)


def page(template: str, status: int = 200, **context: Any) -> Response:
    """Return a page."""
    return _respond(render_template(template, **context), status)


def form_page(template: str, *, csrf: str, **context: str | bool | None) -> Response:
    """Return a page that is the same for every visitor except for its form's token.

    Its text is cached, because rendering it takes most of the time of a request for it. So it must depend
    only on the arguments and the language, and contain no user input. Its template has no script.
    """
    parts = current.memo("form_pages", lambda: lru_cache(_MOST_KEPT, typed=True)(_around_token))
    before, after = parts(template, locale(), **context)
    return _respond(f"{before}{csrf}{after}", 200)


def _around_token(template: str, _language: str, **context: str | bool | None) -> tuple[str, str]:
    text = render_template(template, csrf=_TOKEN_GOES_HERE, **context)
    if "<script" in text:
        # A script is allowed while the page is rendered, so a cached page would lack the permission.
        raise ValueError(f"{template} has a script, so that its text cannot be kept")
    before, after = text.split(_TOKEN_GOES_HERE)
    return before, after


def _respond(text: str, status: int) -> Response:
    response = OwnResponse(text, status, content_type="text/html; charset=utf-8")
    response.headers.add("Vary", "Accept-Language, Cookie")
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

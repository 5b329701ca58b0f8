"""The frame of the console's pages: navigation, style, script, and the tokens of its forms."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Response, make_response, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from provider.console.gate import Administrator
from provider.protocol.permissions import Permission
from provider.web import csrf, headers
from provider.web.notes import notes
from provider.web.route import Route, Speaks
from provider.web.static_files import StaticFiles

TEMPLATES = Path(__file__).parent / "templates"
_FILES = StaticFiles(Path(__file__).parent / "static")


@dataclass(frozen=True, slots=True)
class Section:
    """One entry of the navigation."""

    title: str
    endpoint: str
    icon: str
    needs: Permission = Permission.READ


SECTIONS = (
    Section("Overview", "console.overview", "overview"),
    Section("Logouts", "console.logouts", "logouts"),
    Section("Deliveries", "console.deliveries", "deliveries"),
    Section("Service level", "console.slo", "slo"),
    Section("Sessions", "console.sessions", "sessions"),
    Section("People", "console.people", "people"),
    Section("Clients", "console.clients", "clients"),
    Section("Incident", "console.incident", "incident", Permission.BULK_LOGOUT),
    Section("Keys", "console.keys", "keys"),
    Section("Audit", "console.audit", "audit", Permission.READ_AUDIT),
    Section("Settings", "console.settings", "settings"),
)


def note_administrator(who: Administrator) -> None:
    """Remember the administrator who sent this request."""
    notes()["administrator"] = who


def at_console() -> Administrator:
    """Return the administrator who sent this request; only behind the guard."""
    who: Administrator = notes()["administrator"]
    return who


def form_purpose(who: Administrator, path: str) -> str:
    """Return the purpose of a form's token: one page in one session."""
    return f"console {who.session.id} {path}"


def console_page(template: str, section: str, status: int = 200, **context: Any) -> Response:
    """Return a page in the frame of the console; `section` is the endpoint of its navigation entry."""
    who = at_console()
    frame = {
        "who": who,
        "may": who.may,
        "Permission": Permission,
        "sections": [one for one in SECTIONS if who.may(one.needs)],
        "section": section,
        "hidden": _hidden_token,
    }
    return plain_page(template, status, **frame, **context)


def plain_page(template: str, status: int = 200, **context: Any) -> Response:
    """Return a page of the console without navigation, or a part of a page."""
    shown = render_template(
        template, asset=_asset, console_script=_script, plain=plain, plain_lines=plain_lines, **context
    )
    return make_response(shown, status)


def part_that_updates(template: str, **context: Any) -> AnyResponse:
    """Return the part of a page that its script keeps refreshing; 304 while it is unchanged."""
    response = plain_page(template, **context)
    response.add_etag()
    return response.make_conditional(request)


def plain(text: str) -> str:
    """Return untrusted text without control characters and marks that reorder a line (THR-53)."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def plain_lines(text: str) -> str:
    """Return untrusted text likewise, but keep its line feeds."""
    return "\n".join(plain(line) for line in text.split("\n"))


def _hidden_token(path: str | None = None) -> Markup:
    """Return the hidden token field of a form that is sent to a path, by default that of its own page."""
    token = csrf.token_for(form_purpose(at_console(), path or request.path))
    return Markup('<input type="hidden" name="csrf" value="{}">').format(token)


def _asset(name: str) -> str:
    return url_for("console.static", filename=name, v=_FILES.version(name))


def _script(name: str) -> Markup:
    headers.allow_script(connects=True)
    return Markup('<script src="{}" defer></script>').format(_asset(name))


def static(filename: str) -> Response:
    """Style sheet, script and icons of the console."""
    return _FILES.answer(filename)


ROUTE = Route(
    rule="/admin/static/<path:filename>",
    name="static",
    view=static,
    speaks=Speaks.FILE,
    answers_head=True,
    constant_at=_FILES.addresses("/admin/static/"),
)

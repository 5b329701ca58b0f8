"""The audit log: search, export, and whether its chain holds."""

import json
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from flask import Response as FlaskResponse
from flask import url_for
from werkzeug.wrappers import Response

from provider.accounts.queries import find_by_username
from provider.audit import anchoring, chain, queries
from provider.audit.export import Format, as_exported
from provider.audit.models import AuditEvent
from provider.audit.tags import EventTag
from provider.console.export import MOST_EXPORTED, csv_file
from provider.console.guarded import page_route
from provider.console.layout import console_page
from provider.console.listing import ROWS, Asked, listing, place
from provider.infrastructure import clock
from provider.infrastructure.database import db, reading
from provider.inspection.audit_trail import verify_newest
from provider.logout.audit_entries import by_person
from provider.protocol.permissions import Permission

_HERE = "console.audit"
# Tags by their names in the code, which may be clearer than the stored values.
_EVENTS = {tag.value: tag.name.lower().replace("_", " ") for tag in EventTag}
_FILTERS = ("tag", "user", "client", "by", "logout", "since")
# How far back a search with several filters goes by default, because no index serves their combination.
_UNSERVED_SINCE = timedelta(days=7)
_COLUMNS = (
    *("id", "at", "tag", "actor", "actor_name", "actor_origin", "account_id", "client_id", "session_id"),
    *("logout_id", "ip", "correlation_id", "detail", "seq", "chain"),
)


def show() -> Response:
    """Show the entries, newest first."""
    asked = Asked.read(*_FILTERS)
    with reading():
        wanted = _wanted(asked)
        before = db.session.get(AuditEvent, after) if (after := place()) else None
        found = queries.list_events(wanted, before=before, limit=ROWS + 1) if wanted else []
        head, anchors = chain.head(), anchoring.states()
    last = found[:ROWS][-1].id if found else None
    return console_page(
        "console/audit.html",
        _HERE,
        asked=asked,
        listing=listing(found, last, _HERE, asked.values, ROWS),
        export_url=url_for("console.audit_export", **asked.values),
        csv_url=url_for("console.audit_export", **asked.values, format="csv"),
        ocsf_url=url_for("console.audit_export", **asked.values, format="ocsf"),
        events=_EVENTS,
        head=head,
        anchors=anchors,
        most=MOST_EXPORTED,
    )


def _wanted(asked: Asked) -> queries.Filter | None:
    person = find_by_username(asked.values["user"]) if asked.get("user") else None
    if asked.get("user") and person is None and _uuid(asked.get("user")) is None:
        asked.mistakes.append("There is no such user name; of a deleted account, give the identifier.")
    tag = asked.get("tag")
    if tag and tag not in list(EventTag):
        asked.mistakes.append("There is no such event.")
    if asked.get("logout") and _uuid(asked.get("logout")) is None:
        asked.mistakes.append("A logout is named by its identifier.")
    since = asked.instant("since")
    if asked.mistakes:
        return None
    # Each of these filters has an index, but no index serves two of them.
    is_unserved = sum(asked.get(name) is not None for name in ("client", "by", "tag")) > 1
    wanted = queries.Filter(
        tags=(EventTag(tag),) if tag else (),
        account_id=person.id if person else _uuid(asked.get("user")),
        client_id=asked.get("client"),
        logout_id=_uuid(asked.get("logout")),
        actor_name=asked.get("by"),
        since=since or (clock.now() - _UNSERVED_SINCE if is_unserved else None),
    )
    return by_person(wanted)


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def export() -> Response:
    """Return the filtered entries as JSON lines, OCSF events or CSV, newest first, up to a limit."""
    asked = Asked.read(*_FILTERS, "format")
    with reading():
        wanted = _wanted(asked)
        found = queries.list_events(wanted, limit=MOST_EXPORTED) if wanted else []
    if asked.get("format") == "csv":
        return csv_file("curfew-audit", _COLUMNS, map(_row, found))
    lines = "".join(_lines(found, Format.OCSF if asked.get("format") == "ocsf" else Format.PLAIN))
    response = FlaskResponse(lines, mimetype="application/x-ndjson")
    response.headers["Content-Disposition"] = 'attachment; filename="curfew-audit.jsonl"'
    return response


def _lines(found: list[AuditEvent], form: Format) -> Iterator[str]:
    for event in found:
        yield json.dumps(as_exported(event, form)) + "\n"


def _row(event: AuditEvent) -> dict[str, object]:
    entry: dict[str, object] = {name: getattr(event, name) for name in _COLUMNS}
    return entry | {"detail": json.dumps(event.detail, default=str)}


def verify() -> Response:
    """Verify the ends of the chain, and show the result."""
    examined, problems = verify_newest()
    with reading():
        head = chain.head()
    return console_page("console/audit_verified.html", _HERE, examined=examined, problems=problems, head=head)


_READS = Permission.READ_AUDIT
ROUTES = (
    page_route("/audit", "audit", show, needs=_READS),
    page_route("/audit/export", "audit_export", export, needs=_READS),
    page_route("/audit/verify", "audit_verify", verify, needs=_READS),
)

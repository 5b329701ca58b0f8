"""The audit log: search, export, verification, and the state of its anchors."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from provider.admin_api.inputs import Instant, Name, Page
from provider.admin_api.operation import Call, Operation, Response
from provider.audit import anchoring, chain, queries
from provider.audit.export import Format, as_exported, list_from
from provider.audit.models import AuditEvent
from provider.audit.tags import EventTag
from provider.inspection.audit_trail import verify_newest
from provider.logout.audit_entries import by_person
from provider.protocol.permissions import Permission
from provider.protocol.problems import InvalidInput

# One problem is enough to know that the log was changed; the command lists all of them.
_MOST_PROBLEMS = 100


class SearchAudit(Page, frozen=True, kw_only=True):
    """A filter of entries."""

    event: EventTag | None = None
    person_id: UUID | None = None
    client_id: Annotated[str, Meta(max_length=255)] | None = None
    logout_id: UUID | None = None
    by: Name | None = None
    since: Instant | None = None


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry; `seq` is its place in the chain, once it is linked."""

    id: UUID
    at: datetime
    event: str
    actor: str
    actor_name: str | None
    actor_origin: str | None
    person_id: UUID | None
    client_id: str | None
    session_id: UUID | None
    logout_id: UUID | None
    ip: str | None
    correlation_id: str | None
    detail: dict[str, Any]
    seq: int | None


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of entries, newest first."""

    items: list[AuditEntry]
    next: UUID | None


class ExportAudit(Page, frozen=True, kw_only=True):
    """A reader's position in the export, and the form of the entries."""

    format: Format = Format.OCSF
    since: Instant | None = None
    until: Instant | None = None


class ExportedPage(msgspec.Struct, frozen=True, kw_only=True):
    """Entries in the form that was asked for, oldest first; `next` is the `after` of the next request."""

    items: list[dict[str, Any]]
    next: UUID | None


class AuditAnchor(msgspec.Struct, frozen=True, kw_only=True):
    """A place outside the database: `seq` was anchored there last; `failure` says why it fails now."""

    target: str
    seq: int | None
    anchored_at: datetime | None
    failing_since: datetime | None
    failure: str | None
    cure: str | None


class AuditVerification(msgspec.Struct, frozen=True, kw_only=True):
    """The number of verified entries, what is wrong with them, and the end of the chain."""

    entries: int
    problems: list[str]
    head: str | None


class AuditAnchors(msgspec.Struct, frozen=True, kw_only=True):
    """Every target of `CURFEW_AUDIT_ANCHORS`, and the end of the chain, null while nothing is linked."""

    items: list[AuditAnchor]
    head: str | None


def list_anchors(call: Call) -> Response:
    """Answer with every anchor target and the last link anchored there."""

    def look() -> AuditAnchors:
        head = chain.head()
        return AuditAnchors(items=list(map(_anchor, anchoring.states())), head=str(head) if head else None)

    return Response(body=call.read(look))


def verify(call: Call) -> Response:
    """Answer with the result of verifying the ends of the chain."""
    entries, problems = verify_newest()
    head = call.read(chain.head)
    found = list(problems[:_MOST_PROBLEMS])
    return Response(body=AuditVerification(entries=entries, problems=found, head=str(head) if head else None))


def _anchor(one: anchoring.AnchorState) -> AuditAnchor:
    return AuditAnchor(
        target=one.target.name,
        seq=one.link.seq if one.link else None,
        anchored_at=one.anchored_at,
        failing_since=one.failing_since,
        failure=one.reason,
        cure=one.cure,
    )


def export(call: Call) -> Response:
    """Answer with the entries after the last one that was read."""
    asked: ExportAudit = call.query

    def look() -> ExportedPage:
        after = queries.find(asked.after) if asked.after else None
        if asked.after and after is None:
            raise InvalidInput("after must be the id of an entry that is kept", [("/after", "is unknown")])
        found = list_from(after=after, since=asked.since, until=asked.until, limit=asked.limit)
        items = [as_exported(one, asked.format) for one in found]
        return ExportedPage(items=items, next=found[-1].id if found else asked.after)

    return Response(body=call.read(look))


def search(call: Call) -> Response:
    """Answer with a page of entries."""
    asked: SearchAudit = call.query
    wanted = queries.Filter(
        tags=(asked.event,) if asked.event else (),
        account_id=asked.person_id,
        client_id=asked.client_id,
        logout_id=asked.logout_id,
        actor_name=asked.by,
        since=asked.since,
    )

    def look() -> AuditPage:
        before = queries.find(asked.after) if asked.after else None
        if asked.after and before is None:
            raise InvalidInput("after must be the id of an entry that is kept", [("/after", "is unknown")])
        found = queries.list_events(by_person(wanted), before=before, limit=asked.limit + 1)
        shown = found[: asked.limit]
        more = shown[-1].id if len(found) > asked.limit else None
        return AuditPage(items=[_view(one) for one in shown], next=more)

    return Response(body=call.read(look))


def _view(one: AuditEvent) -> AuditEntry:
    return AuditEntry(
        id=one.id,
        at=one.at,
        event=one.tag,
        actor=one.actor,
        actor_name=one.actor_name,
        actor_origin=one.actor_origin,
        person_id=one.account_id,
        client_id=one.client_id,
        session_id=one.session_id,
        logout_id=one.logout_id,
        ip=one.ip,
        correlation_id=one.correlation_id,
        detail=one.detail,
        seq=one.seq,
    )


OPERATIONS = (
    Operation(
        method="GET",
        rule="/audit-events",
        name="search_audit",
        summary="Search the audit log, newest first.",
        permission=Permission.READ_AUDIT,
        view=search,
        query=SearchAudit,
        response=AuditPage,
    ),
    Operation(
        method="GET",
        rule="/audit-export",
        name="export_audit",
        summary="Follow the audit log, oldest first, as OCSF events or as entries.",
        description="An entry appears ten seconds after it was written, so that none is missed that was "
        "committed late. Repeat with `after` set to `next`, which stays the same while there is nothing new.",
        permission=Permission.READ_AUDIT,
        view=export,
        query=ExportAudit,
        response=ExportedPage,
    ),
    Operation(
        method="GET",
        rule="/audit-anchors",
        name="list_audit_anchors",
        summary="Show where the end of the audit chain is anchored, and what fails.",
        permission=Permission.READ_AUDIT,
        view=list_anchors,
        response=AuditAnchors,
    ),
    Operation(
        method="GET",
        rule="/audit-verification",
        name="verify_audit",
        summary="Verify the newest entries of the audit log, and those that are deleted for their age next.",
        description="`curfew audit verify` verifies all, and compares with anchors that were kept elsewhere.",
        permission=Permission.READ_AUDIT,
        view=verify,
        response=AuditVerification,
    ),
)

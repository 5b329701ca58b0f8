"""Bulk logouts: preview, begin, list, show progress, stop, resume, set the pace."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from provider.admin_api.inputs import Input, Instant, Page, Query
from provider.admin_api.logout_outcomes import WouldEnd, would_end
from provider.admin_api.operation import ROOT, Call, Operation, Response
from provider.clients import queries as clients
from provider.logout.bulk import begin, steering
from provider.logout.bulk import queries as bulk
from provider.logout.models import BulkKind, BulkLogout
from provider.protocol.errors import NotFound
from provider.protocol.permissions import Permission
from provider.protocol.problems import InvalidInput

Kind = Literal["all", "client", "issued_before"]
ClientID = Annotated[str, Meta(max_length=255)]
Pace = Annotated[int, Meta(ge=1, le=1_000_000, description="Notifications per second.")]


class PreviewBulkLogout(Query, frozen=True, kw_only=True):
    """A bulk logout to preview without beginning it."""

    kind: Kind
    client_id: ClientID | None = None
    issued_before: Instant | None = None


class NewBulkLogout(Input, frozen=True, kw_only=True):
    """A bulk logout: of everybody, of a client, or of everything issued before an instant."""

    kind: Kind
    client_id: ClientID | None = None
    issued_before: Instant | None = None
    pace: Pace | None = None


class NewPace(Input, frozen=True, kw_only=True):
    """The new pace of a bulk logout's notifications."""

    per_second: Pace


class BulkLogoutView(msgspec.Struct, frozen=True, kw_only=True):
    """A bulk logout and its progress; what it revoked is rejected from the start."""

    id: UUID
    at: datetime
    kind: str
    client_id: str | None
    issued_before: datetime | None
    state: str
    # Zero until the rows are counted.
    total: int
    done: int
    pace: int | None
    actor_name: str | None
    actor_origin: str | None
    stopped_at: datetime | None
    finished_at: datetime | None


class BulkLogoutPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of bulk logouts, newest first."""

    items: list[BulkLogoutView]
    next: UUID | None


def preview(call: Call) -> Response:
    """Answer with what a bulk logout would end now."""
    asked: PreviewBulkLogout = call.query
    _check(asked)

    def look() -> WouldEnd:
        client = clients.get_by_client_id(asked.client_id) if asked.client_id else None
        reach = bulk.measure(BulkKind(asked.kind), client=client, issued_before=asked.issued_before)
        return would_end(reach)

    return Response(body=call.read(look))


def begin_(call: Call) -> Response:
    """Begin a bulk logout: everything affected is rejected at once; workers end the rows and notify apps."""
    asked: NewBulkLogout = call.body
    _check(asked)

    def act() -> Response:
        begun = _begin(asked)
        if asked.pace is not None:
            begun.pace = asked.pace
        location = f"{ROOT}/bulk-logouts/{begun.id}"
        return Response(body=_view(begun), status=202, headers={"Location": location})

    return call.transact(act)


def list_(call: Call) -> Response:
    """Answer with a page of bulk logouts."""
    asked: Page = call.query

    def look() -> BulkLogoutPage:
        found = bulk.list_bulk_logouts(asked.limit + 1, after=asked.after)
        shown = found[: asked.limit]
        more = shown[-1].id if len(found) > asked.limit else None
        return BulkLogoutPage(items=[_view(one) for one in shown], next=more)

    return Response(body=call.read(look))


def show(call: Call, bulk_logout_id: UUID) -> Response:
    """Answer with a bulk logout and its progress."""

    def look() -> BulkLogoutView:
        found = bulk.find(bulk_logout_id)
        if found is None:
            raise NotFound("there is no such bulk logout")
        return _view(found)

    found = call.read(look)
    return Response(body=found, headers={"Retry-After": "2"} if found.state == "running" else {})


def stop(call: Call, bulk_logout_id: UUID) -> Response:
    """Stop a bulk logout: it ends and notifies no more; what it revoked stays rejected."""
    return call.transact(lambda: Response(body=_view(steering.stop(bulk_logout_id))))


def resume(call: Call, bulk_logout_id: UUID) -> Response:
    """Resume a stopped bulk logout."""
    return call.transact(lambda: Response(body=_view(steering.resume(bulk_logout_id))))


def set_pace(call: Call, bulk_logout_id: UUID) -> Response:
    """Set how fast a bulk logout notifies apps."""
    asked: NewPace = call.body
    return call.transact(lambda: Response(body=_view(steering.set_pace(bulk_logout_id, asked.per_second))))


def _begin(asked: NewBulkLogout) -> BulkLogout:
    if asked.kind == "client":
        return begin.end_of_client(clients.get_by_client_id(asked.client_id or ""), "admin")
    if asked.issued_before is not None:
        return begin.end_issued_before(asked.issued_before, "admin")
    return begin.end_everybody("admin")


def _check(asked: PreviewBulkLogout | NewBulkLogout) -> None:
    """Refuse missing or extra members for the kind, so that a mistake cannot end more than was intended."""
    if (asked.kind == "client") != (asked.client_id is not None):
        raise InvalidInput("client_id is for the kind client, which needs it", [("/client_id", "see kind")])
    if (asked.kind == "issued_before") != (asked.issued_before is not None):
        raise InvalidInput(
            "issued_before is for the kind issued_before, which needs it", [("/issued_before", "see kind")]
        )


def _view(one: BulkLogout) -> BulkLogoutView:
    of = clients.find(one.client_id) if one.client_id else None
    return BulkLogoutView(
        id=one.id,
        at=one.at,
        kind=one.kind,
        client_id=of.client_id if of else None,
        issued_before=one.issued_before,
        state="finished" if one.finished_at else "stopped" if one.stopped_at else "running",
        total=one.total,
        done=one.done,
        pace=one.pace,
        actor_name=one.actor_name,
        actor_origin=one.actor_origin,
        stopped_at=one.stopped_at,
        finished_at=one.finished_at,
    )


_ALL, _ONE = "/bulk-logouts", "/bulk-logouts/<uuid:bulk_logout_id>"
_READ, _BULK = Permission.READ, Permission.BULK_LOGOUT
OPERATIONS = (
    Operation(
        method="GET",
        rule="/bulk-logout-preview",
        name="preview_bulk_logout",
        summary="Count what a bulk logout would end now.",
        permission=_READ,
        view=preview,
        query=PreviewBulkLogout,
        response=WouldEnd,
    ),
    Operation(
        method="POST",
        rule=_ALL,
        name="begin_bulk_logout",
        summary="Begin a bulk logout; Location names the operation that shows its progress.",
        permission=_BULK,
        view=begin_,
        body=NewBulkLogout,
        response=BulkLogoutView,
        status=202,
        fresh=True,
    ),
    Operation(
        method="GET",
        rule=_ALL,
        name="list_bulk_logouts",
        summary="List bulk logouts, newest first.",
        permission=_READ,
        view=list_,
        query=Page,
        response=BulkLogoutPage,
    ),
    Operation(
        method="GET",
        rule=_ONE,
        name="show_bulk_logout",
        summary="Show a bulk logout and its progress.",
        permission=_READ,
        view=show,
        response=BulkLogoutView,
    ),
    Operation(
        method="POST",
        rule=f"{_ONE}/stop",
        name="stop_bulk_logout",
        summary="Stop a bulk logout: it ends and notifies no more; what it revoked stays rejected.",
        permission=_BULK,
        view=stop,
        response=BulkLogoutView,
        fresh=True,
    ),
    Operation(
        method="POST",
        rule=f"{_ONE}/resume",
        name="resume_bulk_logout",
        summary="Go on with a stopped bulk logout.",
        permission=_BULK,
        view=resume,
        response=BulkLogoutView,
        fresh=True,
    ),
    Operation(
        method="POST",
        rule=f"{_ONE}/pace",
        name="pace_bulk_logout",
        summary="Set how many notifications a second a bulk logout may create.",
        permission=_BULK,
        view=set_pace,
        body=NewPace,
        response=BulkLogoutView,
        fresh=True,
    ),
)

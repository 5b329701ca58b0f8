"""The service level of sign-out: the share of notifications accepted within a minute, and the missed ones."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from provider.admin_api.deliveries import views_of
from provider.admin_api.delivery_models import ClientID, DeliveryPage
from provider.admin_api.inputs import Page, Query
from provider.admin_api.operation import Call, Operation, Response
from provider.clients import queries as clients
from provider.infrastructure import clock
from provider.inspection.slo import Share, Window, list_missed, look
from provider.logout.notification.punctuality import Punctuality
from provider.protocol.permissions import Permission


class ShowServiceLevel(Query, frozen=True, kw_only=True):
    """The window to show, and the client if the numbers are for only one."""

    window: Window = Window.DAY
    client_id: ClientID | None = None


class ListMissed(Page, frozen=True, kw_only=True):
    """A filter of missed notifications."""

    why: Literal["late", "unreachable"] = "late"
    window: Window = Window.DAY
    client_id: ClientID | None = None


class ShareView(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one client, or of all; `share` counts only those whose app was reachable."""

    client_id: str | None
    share: float | None
    in_time: int
    late: int
    unreachable: int


class ServiceLevelView(msgspec.Struct, frozen=True, kw_only=True):
    """A window with its figures: overall, and of the clients with most misses."""

    window: Window
    since: datetime
    judged_until: datetime | None
    total: ShareView
    clients: list[ShareView]


def show(call: Call) -> Response:
    """Answer with the numbers of a window."""
    asked: ShowServiceLevel = call.query

    def see() -> ServiceLevelView:
        found = look(asked.window, client_pk=_pk(asked.client_id))
        names = clients.client_ids_of({one.client_id for one in found.clients if one.client_id})
        return ServiceLevelView(
            window=asked.window,
            since=found.since,
            judged_until=found.judged_until,
            total=_view(found.total, asked.client_id),
            clients=[_view(one, names[one.client_id]) for one in found.clients if one.client_id],
        )

    return Response(body=call.read(see))


def list_(call: Call) -> Response:
    """Answer with a page of missed notifications."""
    asked: ListMissed = call.query

    def see() -> DeliveryPage:
        found = list_missed(
            Punctuality(asked.why),
            since=asked.window.since(clock.now()),
            client_pk=_pk(asked.client_id),
            before=asked.after,
            limit=asked.limit + 1,
        )
        shown = found[: asked.limit]
        more = shown[-1].id if len(found) > asked.limit else None
        return DeliveryPage(items=views_of(shown), next=more)

    return Response(body=call.read(see))


def _pk(client_id: str | None) -> UUID | None:
    return clients.get_by_client_id(client_id).id if client_id else None


def _view(one: Share, client_id: str | None) -> ShareView:
    return ShareView(
        client_id=client_id,
        share=one.share,
        in_time=one.in_time,
        late=one.late,
        unreachable=one.unreachable,
    )


OPERATIONS = (
    Operation(
        method="GET",
        rule="/service-level",
        name="show_service_level",
        summary="Show which share of notifications was accepted within 60 seconds, of reachable apps.",
        permission=Permission.READ,
        view=show,
        query=ShowServiceLevel,
        response=ServiceLevelView,
    ),
    Operation(
        method="GET",
        rule="/service-level/missed",
        name="list_missed_notifications",
        summary="List notifications that were late, or whose app was unreachable, newest first.",
        permission=Permission.READ,
        view=list_,
        query=ListMissed,
        response=DeliveryPage,
    ),
)

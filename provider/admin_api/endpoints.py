"""Failing logout endpoints: list them, and try one that is held back."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from provider.admin_api.inputs import Input, Limit, Query
from provider.admin_api.operation import Call, Operation, Response
from provider.administration import deliveries as acts
from provider.clients import queries as clients
from provider.delivery import degraded
from provider.delivery.degraded import Place
from provider.delivery.models import EndpointHealth
from provider.logout.notice import BACKCHANNEL_LOGOUT
from provider.protocol.permissions import Permission

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
# Microseconds since the epoch (or nothing) and the recipient. The cursor contains both because an endpoint
# may work again while the list is read, and its row then no longer shows its place in the list.
_PLACE = r"^([0-9]{1,16})?\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


class ListEndpoints(Query, frozen=True, kw_only=True):
    """A part of the list."""

    limit: Limit = 50
    after: (
        Annotated[str, Meta(pattern=_PLACE, description="The value of `next` from the page before.")] | None
    ) = None


class EndpointView(msgspec.Struct, frozen=True, kw_only=True):
    """A logout endpoint that fails; one that works is not listed."""

    client_id: str
    url: str | None
    state: Annotated[
        str, Meta(description="closed: notifications are sent as usual; open: they are held back.")
    ]
    refusing: bool
    failing_since: datetime | None
    degraded_since: datetime | None
    last_outcome: str | None
    last_failed_at: datetime | None
    next_trial_at: datetime | None
    waiting: int


class EndpointPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the endpoints that fail, longest failing first."""

    items: list[EndpointView]
    next: str | None


class EndpointToTry(Input, frozen=True, kw_only=True):
    """The client whose endpoint is to be tried."""

    client_id: Annotated[str, Meta(min_length=1, max_length=255)]


class EndpointTrial(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a trial was opened; false if nothing waits, or if the next attempt is due anyway."""

    client_id: str
    trial_opened: bool


def list_endpoints(call: Call) -> Response:
    """Answer with a page of failing endpoints."""
    asked: ListEndpoints = call.query

    def look() -> EndpointPage:
        after = _read(asked.after) if asked.after else None
        found = degraded.list_failing(BACKCHANNEL_LOGOUT, after=after, limit=asked.limit + 1)
        shown = found[: asked.limit]
        names = clients.client_ids_of({one.recipient_id for one in shown})
        more = _written(Place.of(shown[-1])) if len(found) > asked.limit else None
        return EndpointPage(items=[_view(one, names[one.recipient_id]) for one in shown], next=more)

    return Response(body=call.read(look))


def try_endpoint(call: Call) -> Response:
    """Try a client's pending deliveries although its endpoint is held back."""
    asked: EndpointToTry = call.body

    def act() -> Response:
        client = clients.get_by_client_id(asked.client_id)
        return Response(
            body=EndpointTrial(client_id=client.client_id, trial_opened=acts.try_endpoint(client))
        )

    return call.transact(act)


def _written(place: Place) -> str:
    since = "" if place.failing_since is None else (place.failing_since - _EPOCH) // _MICROSECOND
    return f"{since}.{place.recipient_id}"


def _read(written: str) -> Place:
    since, _, recipient_id = written.partition(".")
    return Place(_EPOCH + int(since) * _MICROSECOND if since else None, UUID(recipient_id))


def _view(one: EndpointHealth, client_id: str) -> EndpointView:
    return EndpointView(
        client_id=client_id,
        url=one.url,
        state=one.state,
        refusing=one.is_refusing,
        failing_since=one.failing_since,
        degraded_since=one.degraded_since,
        last_outcome=one.last_outcome,
        last_failed_at=one.last_failed_at,
        next_trial_at=one.open_until,
        waiting=degraded.count_waiting(one.recipient),
    )


OPERATIONS = (
    Operation(
        method="GET",
        rule="/failing-endpoints",
        name="list_failing_endpoints",
        summary="List the logout endpoints that fail, longest failing first.",
        permission=Permission.READ,
        view=list_endpoints,
        query=ListEndpoints,
        response=EndpointPage,
    ),
    Operation(
        method="POST",
        rule="/endpoint-trials",
        name="try_endpoint",
        summary="Try the first waiting notification of a client although its endpoint is held back.",
        description="If it is accepted, the others follow at once.",
        permission=Permission.CHANGE_DELIVERIES,
        view=try_endpoint,
        body=EndpointToTry,
        response=EndpointTrial,
    ),
)

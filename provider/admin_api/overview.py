"""The state of the provider at a glance: the numbers of the console's first page."""

from datetime import datetime

import msgspec

from provider.admin_api.operation import Call, Operation, Response
from provider.inspection import overview
from provider.protocol.permissions import Permission


class LiveSessions(msgspec.Struct, frozen=True, kw_only=True):
    """The number of live sessions: counted, estimated where there are very many, or a lower bound."""

    number: int
    is_estimate: bool
    is_least: bool


class NotifiedWithin(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds within which the newest notifications were accepted, or null."""

    measured: int
    p50: float | None
    p99: float | None


class CountedHour(msgspec.Struct, frozen=True, kw_only=True):
    """The sessions that began and the logouts of an hour."""

    begin: datetime
    sign_ins: int
    logouts: int


class OverviewView(msgspec.Struct, frozen=True, kw_only=True):
    """Live sessions, unaccepted deliveries by state, the oldest due one, and failing apps."""

    at: datetime
    live_sessions: LiveSessions
    deliveries: dict[str, int]
    oldest_due: datetime | None
    notified_within: NotifiedWithin
    failing_apps: int
    hours: list[CountedHour]


def show(call: Call) -> Response:
    """Answer with the current numbers."""
    return Response(body=call.read(lambda: _view(overview.look())))


def _view(seen: overview.Overview) -> OverviewView:
    took, live = seen.latencies, seen.live_sessions
    return OverviewView(
        at=seen.at,
        live_sessions=LiveSessions(number=live.number, is_estimate=live.is_estimate, is_least=live.is_least),
        deliveries=seen.deliveries,
        oldest_due=seen.oldest_due,
        notified_within=NotifiedWithin(
            measured=len(took.seconds), p50=took.percentile(0.5), p99=took.percentile(0.99)
        ),
        failing_apps=len(seen.failing),
        hours=[
            CountedHour(begin=one.begin, sign_ins=one.sign_ins, logouts=one.logouts) for one in seen.hours
        ],
    )


OPERATIONS = (
    Operation(
        method="GET",
        rule="/overview",
        name="show_overview",
        summary="Show live sessions, unaccepted notifications, speed, and the last 24 hours.",
        description="`GET /failing-endpoints` lists the apps that fail, `GET /service-level` what was late.",
        permission=Permission.READ,
        view=show,
        response=OverviewView,
    ),
)

"""A feed of logouts and notifications, to be followed by its cursor, with or without waiting for events."""

from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from provider.admin_api import waiting
from provider.admin_api.inputs import After, Query
from provider.admin_api.operation import Call, Operation, Response
from provider.audit import queries as audit
from provider.audit.models import AuditEvent
from provider.audit.tags import EventTag
from provider.infrastructure import clock
from provider.protocol.permissions import Permission
from provider.protocol.problems import InvalidInput

# Longer than any transaction: no entry older than this can still be committed and so be missed by a reader.
_SETTLED = timedelta(seconds=10)
_POLL_SECONDS = "5"
_FED = (
    *(EventTag.LOGOUT, EventTag.DELIVERY_ACCEPTED, EventTag.DELIVERY_EXPIRED, EventTag.DELIVERY_CANCELLED),
    *(EventTag.DELIVERY_SUPERSEDED, EventTag.DELIVERY_RESENT, EventTag.BULK_LOGOUT),
)


class Follow(Query, frozen=True, kw_only=True):
    """A reader's position in the feed; without `after` it begins now."""

    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    after: After | None = None
    wait: Annotated[
        int,
        Meta(
            ge=0,
            le=waiting.LONGEST_SECONDS,
            description="For how many seconds the response may be held back until there is an event.",
        ),
    ] = 0


class FedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a logout or to one of its notifications."""

    id: UUID
    at: datetime
    event: str
    person_id: UUID | None
    client_id: str | None
    session_id: UUID | None
    logout_id: UUID | None
    detail: dict[str, Any]


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """Events in their order; `next` is the `after` of the next request, null before the first event."""

    items: list[FedEvent]
    next: UUID | None


class _Reader:
    """A position in the feed, and the events that were read up to it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._last: AuditEvent | None = None
        self.read: list[AuditEvent] = []

    def begin(self, after: UUID | None) -> None:
        """Begin after an event, or at the end of the feed."""
        if after is None:
            self._last = audit.find_latest(clock.now() - _SETTLED)
            return
        self._last = audit.find(after)
        if self._last is None:
            raise InvalidInput("after must be the id of an event that is kept", [("/after", "is unknown")])
        self.read_on()

    def read_on(self) -> bool:
        """Read the events added since; return whether there were any."""
        settled = clock.now() - _SETTLED
        self.read = audit.list_following(_FED, after=self._last, until=settled, limit=self._limit)
        # Move past entries of other kinds too, so that the next request does not read them again.
        passed = self.read[-1] if self.is_full else audit.find_latest(settled)
        if passed is not None and (self._last is None or _place(passed) > _place(self._last)):
            self._last = passed
        return bool(self.read)

    @property
    def is_full(self) -> bool:
        """Whether there may be more events to read."""
        return len(self.read) == self._limit

    def feed(self) -> Feed:
        """Return the events that were read."""
        return Feed(items=[_fed(one) for one in self.read], next=self._last.id if self._last else None)


def follow(call: Call) -> Response:
    """Answer with the events since the reader's last request; `Retry-After` says when to ask again."""
    asked: Follow = call.query
    reader = _Reader(asked.limit)
    call.read(partial(reader.begin, asked.after))
    may_ask_at_once = reader.is_full or _wait(call, reader, asked.wait)
    headers = {} if may_ask_at_once else {"Retry-After": _POLL_SECONDS}
    return Response(body=reader.feed(), headers=headers)


def _wait(call: Call, reader: _Reader, seconds: int) -> bool:
    """Wait until there is an event, and return whether the reader may send the next request at once."""
    if not seconds or reader.read:
        return bool(seconds)
    with waiting.slot() as is_free:
        if not is_free:
            return False
        may_ask_at_once = waiting.wait_for(lambda: call.read(reader.read_on), seconds)
    # The caller may have lost its permission while it waited.
    call.caller.check_again(Permission.READ)
    return may_ask_at_once


def _place(one: AuditEvent) -> tuple[datetime, UUID]:
    return one.at, one.id


def _fed(one: AuditEvent) -> FedEvent:
    return FedEvent(
        id=one.id,
        at=one.at,
        event=one.tag,
        person_id=one.account_id,
        client_id=one.client_id,
        session_id=one.session_id,
        logout_id=one.logout_id,
        detail=one.detail,
    )


OPERATIONS = (
    Operation(
        method="GET",
        rule="/feed",
        name="follow_feed",
        summary="Follow logouts and final states of notifications, in their order.",
        description="An event appears ten seconds after it happened, so that none is missed that was "
        "committed late. With `wait`, the response is sent as soon as there is an event, at the latest after "
        "that many seconds. Retry-After says when to ask again, if not at once: without `wait`, when fewer "
        "than `limit` events are sent; with it, when too many requests wait already or the server stops.",
        permission=Permission.READ,
        view=follow,
        query=Follow,
        response=Feed,
    ),
)

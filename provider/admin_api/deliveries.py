"""Deliveries: list and show them, send them again, cancel them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from provider.admin_api.delivery_models import (
    AttemptView,
    Cancellation,
    Changed,
    DeliveryDetail,
    DeliveryPage,
    DeliveryView,
    ListDeliveries,
    ManyToCancel,
    ManyToResend,
)
from provider.admin_api.inputs import within_reckoning
from provider.admin_api.operation import Call, Operation, Response
from provider.administration import deliveries as acts
from provider.clients import queries as clients
from provider.delivery import degraded, queries
from provider.delivery.models import Delivery, DeliveryAttempt, DeliveryState
from provider.infrastructure.database import db
from provider.logout import notice
from provider.protocol.permissions import Permission
from provider.protocol.problems import Conflict, InvalidInput

# How many are changed in one transaction.
_BATCH = 500


def list_deliveries(call: Call) -> Response:
    """Answer with a page of deliveries."""
    asked: ListDeliveries = call.query

    def look() -> DeliveryPage:
        client = clients.get_by_client_id(asked.client_id) if asked.client_id else None
        found = queries.list_deliveries(
            state=asked.state,
            recipient_id=client.id if client else None,
            since=within_reckoning(asked.since),
            until=within_reckoning(asked.until),
            before=asked.after,
            limit=asked.limit + 1,
        )
        shown = found[: asked.limit]
        more = shown[-1].id if len(found) > asked.limit else None
        return DeliveryPage(items=views_of(shown), next=more)

    return Response(body=call.read(look))


def show_delivery(call: Call, delivery_id: UUID) -> Response:
    """Answer with one delivery and its attempts."""
    return Response(body=call.read(lambda: _detail(queries.get(delivery_id))))


def resend_delivery(call: Call, delivery_id: UUID) -> Response:
    """Make a delivery due at once."""

    def act() -> Response:
        found = queries.get(delivery_id)
        if not acts.retry(found):
            raise Conflict(_why_not(found))
        return _changed(found)

    return call.transact(act)


def cancel_delivery(call: Call, delivery_id: UUID) -> Response:
    """Cancel a delivery, with a reason."""
    asked: Cancellation = call.body

    def act() -> Response:
        found, reason = queries.get(delivery_id), acts.checked_reason(asked.reason)
        if not acts.cancel(found, reason):
            raise Conflict(_why_not(found))
        return _changed(found)

    return call.transact(act)


def resend_deliveries(call: Call) -> Response:
    """Make a batch of deliveries due at once."""
    asked: ManyToResend = call.body
    if asked.client_id is None and asked.since is None and asked.until is None:
        raise InvalidInput("name a client_id, a span by since and until, or both")

    def act() -> Response:
        client = clients.get_by_client_id(asked.client_id) if asked.client_id else None
        found = acts.retry_some(
            states=[DeliveryState(one) for one in asked.states],
            client_pk=client.id if client else None,
            since=asked.since,
            until=asked.until,
            after=asked.after,
            limit=_BATCH,
        )
        return _batch(found)

    return call.transact(act)


def cancel_deliveries(call: Call) -> Response:
    """Cancel a batch of a client's pending deliveries."""
    asked: ManyToCancel = call.body

    def act() -> Response:
        client = clients.get_by_client_id(asked.client_id)
        reason = acts.checked_reason(asked.reason)
        return _batch(acts.cancel_some_of(client.id, reason, after=asked.after, limit=_BATCH))

    return call.transact(act)


def views_of(found: Sequence[Delivery]) -> list[DeliveryView]:
    """Return deliveries in their response form."""
    names = clients.client_ids_of({one.recipient_id for one in found})
    waiting = {one.recipient for one in found if not DeliveryState(one.state).is_final}
    held = degraded.list_held_until(waiting) if waiting else {}
    return [_view(one, names[one.recipient_id], held.get(one.recipient)) for one in found]


def attempt_view(one: DeliveryAttempt) -> AttemptView:
    """Return an attempt in its response form."""
    return AttemptView(**{name: getattr(one, name) for name in AttemptView.__struct_fields__})


def _view(one: Delivery, client_id: str, held_until: datetime | None) -> DeliveryView:
    of_logout, is_final = notice.of(one), DeliveryState(one.state).is_final
    due = None if is_final else max(one.next_attempt_at, held_until or one.next_attempt_at)
    return DeliveryView(
        id=one.id,
        kind=one.kind,
        client_id=client_id,
        logout_id=one.cause_id,
        person_id=of_logout.account_id if of_logout else None,
        session_id=of_logout.session_id if of_logout else None,
        state=one.shown_state,
        attempt_count=one.attempt_count,
        next_attempt_at=due,
        held_by_breaker=not is_final and held_until is not None,
        last_outcome=one.last_outcome,
        last_status=one.last_status,
        cancel_reason=one.cancel_reason,
        created_at=one.created_at,
        first_attempt_at=one.first_attempt_at,
        finished_at=one.finished_at,
        expires_at=one.expires_at,
        correlation_id=one.correlation_id,
    )


def _detail(found: Delivery) -> DeliveryDetail:
    attempts = [attempt_view(one) for one in queries.list_attempts(found.id)]
    return DeliveryDetail(delivery=views_of([found])[0], attempts=attempts)


def _changed(found: Delivery) -> Response:
    db.session.refresh(found)
    return Response(body=_detail(found))


def _batch(found: Sequence[Delivery]) -> Response:
    more = found[-1].id if len(found) == _BATCH else None
    return Response(body=Changed(changed=len(found), next=more))


def _why_not(found: Delivery) -> str:
    state = DeliveryState(found.state)
    return f"it is {state.value}" if state.is_final else "it is being attempted right now"


_READ, _WRITE = Permission.READ, Permission.CHANGE_DELIVERIES
_ONE = "/deliveries/<uuid:delivery_id>"
OPERATIONS = (
    Operation(
        method="GET",
        rule="/deliveries",
        name="list_deliveries",
        summary="List deliveries, newest first.",
        permission=_READ,
        view=list_deliveries,
        query=ListDeliveries,
        response=DeliveryPage,
    ),
    Operation(
        method="GET",
        rule=_ONE,
        name="show_delivery",
        summary="Show a delivery with every attempt.",
        permission=_READ,
        view=show_delivery,
        response=DeliveryDetail,
    ),
    Operation(
        method="POST",
        rule=f"{_ONE}/resend",
        name="resend_delivery",
        summary="Make a delivery due at once; a given-up one starts its schedule anew.",
        permission=_WRITE,
        view=resend_delivery,
        response=DeliveryDetail,
    ),
    Operation(
        method="POST",
        rule=f"{_ONE}/cancel",
        name="cancel_delivery",
        summary="Stop trying: the app is not notified, and the person may still be signed in there.",
        permission=_WRITE,
        view=cancel_delivery,
        body=Cancellation,
        response=DeliveryDetail,
    ),
    Operation(
        method="POST",
        rule="/delivery-resends",
        name="resend_deliveries",
        summary="Make up to 500 deliveries of a client or a span of time due at once.",
        permission=_WRITE,
        view=resend_deliveries,
        body=ManyToResend,
        response=Changed,
    ),
    Operation(
        method="POST",
        rule="/delivery-cancellations",
        name="cancel_deliveries",
        summary="Cancel up to 500 pending deliveries of a client.",
        permission=_WRITE,
        view=cancel_deliveries,
        body=ManyToCancel,
        response=Changed,
    ),
)

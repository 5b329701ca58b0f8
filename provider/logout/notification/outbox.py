"""The kind of delivery that notifies of logouts, its dispatcher, and the audit entries of its results."""

from collections import Counter
from collections.abc import Collection, Sequence
from functools import partial
from uuid import UUID

from sqlalchemy import select, update

from provider.audit.record import Entry, entry, record, record_many
from provider.audit.tags import EventTag
from provider.clients.models import Client
from provider.delivery import workers
from provider.delivery.attempt import AttemptResult
from provider.delivery.breaker import Transition
from provider.delivery.dispatch import Dispatcher
from provider.delivery.finish import Ended, state_after
from provider.delivery.judge import Accepted
from provider.delivery.models import Delivery, DeliveryState, EndpointHealth
from provider.delivery.outgoing import LeasedDelivery
from provider.delivery.owner import Kind, Owner
from provider.delivery.recipient import Recipient
from provider.infrastructure import clock, current, event_log, metrics
from provider.infrastructure.database import after_commit, change, db, reading
from provider.logout import notice
from provider.logout.notice import BACKCHANNEL_LOGOUT, LogoutNotice
from provider.logout.notification import logout_token

_TAGS = {
    DeliveryState.ACCEPTED: EventTag.DELIVERY_ACCEPTED,
    DeliveryState.EXPIRED: EventTag.DELIVERY_EXPIRED,
    DeliveryState.CANCELLED: EventTag.DELIVERY_CANCELLED,
    DeliveryState.SUPERSEDED: EventTag.DELIVERY_SUPERSEDED,
}


def make_dispatcher(
    concurrency: int | None = None, name: str | None = None, *, more_kinds: Sequence[Kind] = ()
) -> Dispatcher:
    """Return a dispatcher for logouts and further kinds; the caller closes it."""
    return Dispatcher(
        Owner(kinds=(LOGOUTS, *more_kinds)),
        concurrency=concurrency or current.settings().delivery_concurrency,
        name=name or workers.new_name(),
    )


def drain(limit: int | None = None) -> "Counter[str]":
    """Attempt everything that is due, without broker or worker (DLV-25), and count the resulting states."""
    dispatcher = make_dispatcher()
    try:
        with reading():
            dispatcher.divide_among(workers.count_living(clock.now()) + 1)
        return dispatcher.drain(limit=limit)
    finally:
        dispatcher.close()


def record_results(ended: Sequence[Ended]) -> None:
    """Write the audit entries of deliveries that have reached their final states, in the same transaction."""
    notices = notice.of_leased([leased for leased, _ in ended])
    entries = [_entry(leased, notices[leased.id], result) for leased, result in ended]
    record_many(entries)
    after_commit(partial(_observe, ended))
    expired = [one for one in entries if one["tag"] == EventTag.DELIVERY_EXPIRED]
    if expired:
        after_commit(lambda: _warn_of_expired(expired))


def _observe(ended: Sequence[Ended]) -> None:
    """Observe for Prometheus how long it took until the apps confirmed (DLV-18)."""
    now = clock.now()
    for leased, result in ended:
        if result.sent and isinstance(result.verdict, Accepted):
            confirmed_after = (now - leased.created_at).total_seconds()
            metrics.TIME_TO_NOTIFIED.labels(result.sent.name).observe(max(0.0, confirmed_after))


def _warn_of_expired(expired: Sequence[Entry]) -> None:
    """Log which apps have not been notified of a logout; `curfew delivery retry` can still notify them."""
    for one in expired:
        detail = one["detail"]
        with event_log.correlated(one["correlation_id"]):
            event_log.warning(
                "delivery_expired",
                delivery_id=detail["delivery_id"],
                logout_id=one["logout_id"],
                client_id=one["client_id"],
                attempts=detail["attempts"],
                outcome=detail["outcome"],
            )


def _entry(leased: LeasedDelivery, logout_notice: LogoutNotice, result: AttemptResult) -> Entry:
    sent = result.sent
    with event_log.correlated(leased.correlation_id):
        return entry(
            _TAGS[state_after(result)],
            actor="system",
            account_id=logout_notice.account_id,
            client_id=sent.name if sent else _wire_id(leased.recipient_id),
            session_id=logout_notice.session_id,
            logout_id=leased.cause_id,
            delivery_id=leased.id,
            attempts=leased.attempt_number if sent else leased.attempt_number - 1,
            outcome=sent.outcome if sent else getattr(result.verdict, "outcome", None),
            status=sent.status if sent else None,
            reason=getattr(result.verdict, "reason", None),
        )


def announce_transition(health: EndpointHealth, transition: Transition) -> None:
    """Record a transition of an endpoint: in the log, or also in the client's row or the audit log."""
    client_id = _wire_id(health.recipient_id)
    match transition:
        case Transition.FAILING | Transition.WORKING:
            change(
                update(Client)
                .where(Client.id == health.recipient_id)
                .values(logout_endpoint_failing=transition is Transition.FAILING)
            )
        case Transition.REFUSING:
            event_log.warning("endpoint_refusing", client_id=client_id, outcome=health.last_outcome)
            record(
                EventTag.ENDPOINT_REFUSING, actor="system", client_id=client_id, outcome=health.last_outcome
            )
        case Transition.OPENED:
            event_log.warning(
                "endpoint_held",
                client_id=client_id,
                outcome=health.last_outcome,
                failures=health.consecutive_failures,
                until=health.open_until.isoformat() if health.open_until else None,
            )
        case Transition.CLOSED:
            event_log.info("endpoint_released", client_id=client_id)
        case Transition.RECOVERED:
            since = health.degraded_since.isoformat() if health.degraded_since else None
            event_log.info("endpoint_recovered", client_id=client_id, degraded_since=since)
            record(EventTag.ENDPOINT_RECOVERED, actor="system", client_id=client_id, degraded_since=since)


def find_current_urls(recipients: Collection[Recipient]) -> dict[Recipient, str | None]:
    """Find the URLs at which clients are notified of logouts now."""
    rows = db.session.scalars(select(Client).where(Client.id.in_([one.id for one in recipients])))
    return {notice.recipient_of(client.id): logout_token.logout_url_of(client) for client in rows}


def _wire_id(client_id: UUID) -> str | None:
    return db.session.scalar(select(Client.client_id).where(Client.id == client_id))


LOGOUTS = Kind(
    name=BACKCHANNEL_LOGOUT,
    builder=logout_token.prepare,
    record=record_results,
    announce=announce_transition,
    registrant=select(Client.registrant)
    .where(Client.id == Delivery.recipient_id)
    .correlate(Delivery)
    .scalar_subquery(),
    current_urls=find_current_urls,
)

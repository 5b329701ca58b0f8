"""Make one attempt: build the request afresh, send it, judge the response. Writes nothing (DLV-05)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from provider.delivery.judge import (
    Accepted,
    Postponed,
    Verdict,
    classify,
    judge,
    judge_before_sending,
    judge_undeliverable,
    postponed,
)
from provider.delivery.outgoing import (
    Builder,
    Cancelled,
    LeasedDelivery,
    NoResponse,
    OutgoingRequest,
    Prepared,
    Responded,
    SentRequest,
    Superseded,
    Undeliverable,
)
from provider.delivery.schedule import read_retry_after
from provider.infrastructure import clock, current, event_log
from provider.infrastructure.database import db, reading
from provider.infrastructure.outbound_http import OutboundClient, OutboundFailure

# DLV-12: a recipient marked as slow gets half as much time again.
_SLOW = 1.5
# An attempt is not started if less of its lease is left than this part of the usual deadline.
_LEAST_LEASE = 0.5


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """The result of an attempt; if `sent` is None, nothing was sent."""

    verdict: Verdict
    sent: SentRequest | None = None

    @property
    def has_succeeded(self) -> bool | None:
        """Whether the attempt shows that the endpoint works; None if nothing was sent.

        Only success does: an app that answers 400 to every token has not been notified of anything.
        """
        return None if self.sent is None else isinstance(self.verdict, Accepted)


def prepare(
    leased: Sequence[LeasedDelivery], builders: Mapping[str, Builder]
) -> dict[UUID, Prepared | AttemptResult]:
    """Read the data of all requests at once; a delivery that is not to be sent gets a result instead."""
    waits, now = current.settings().delivery_schedule, clock.now()
    prepared: dict[UUID, Prepared | AttemptResult] = {}
    kinds: dict[str, list[LeasedDelivery]] = {}
    for one in leased:
        early = judge_before_sending(one, waits, now)
        if early is None:
            kinds.setdefault(one.kind, []).append(one)
        else:
            prepared[one.id] = AttemptResult(early)
    for kind, of_kind in kinds.items():
        prepared.update(_prepare_kind(of_kind, kind, builders))
    return prepared


def _prepare_kind(
    leased: Sequence[LeasedDelivery], kind: str, builders: Mapping[str, Builder]
) -> Mapping[UUID, Prepared | AttemptResult]:
    try:
        with reading():
            prepared = builders[kind](leased)
    except Exception:  # noqa: BLE001 – the failure is our own, is logged, and costs the recipient no attempt.
        db.session.rollback()
        if len(leased) > 1:
            # A delivery that cannot be prepared must not keep the others from being sent.
            return {key: how for one in leased for key, how in _prepare_kind([one], kind, builders).items()}
        [one] = leased
        event_log.error("delivery_not_built", exc_info=True, delivery_id=one.id, kind=kind)
        return {one.id: AttemptResult(postponed(one, clock.now()))}
    return prepared


def perform(leased: LeasedDelivery, prepared: Prepared, outbound: OutboundClient) -> AttemptResult:
    """Attempt a leased delivery. No transaction is open and no connection held while we wait."""
    match prepared:
        case Undeliverable():
            return AttemptResult(judge_undeliverable(prepared, leased, clock.now()))
        case Cancelled() | Superseded():
            return AttemptResult(prepared)
    if leased.leased_until - clock.now() < current.settings().outbound_deadline * _LEAST_LEASE:
        # The delivery waited so long for a slot that its lease may end before there is a response.
        return AttemptResult(Postponed(clock.now()))
    try:
        request = prepared()
    except Exception:  # noqa: BLE001 – the failure is our own, is logged, and costs the recipient no attempt.
        event_log.error("delivery_not_built", exc_info=True, delivery_id=leased.id, kind=leased.kind)
        db.session.rollback()
        return AttemptResult(postponed(leased, clock.now()))
    if leased.leased_until <= clock.now():
        # This process was suspended; an attempt with no time left would count against the recipient.
        return AttemptResult(Postponed(clock.now()))
    return _send(request, leased, outbound)


def _asked_wait(reply: Responded | NoResponse, now: datetime) -> float:
    return read_retry_after(reply.retry_after, now).total_seconds() if isinstance(reply, Responded) else 0.0


def _deadline(request: OutgoingRequest, leased: LeasedDelivery) -> timedelta:
    """Return how long to wait for a response, never longer than the lease."""
    usual = current.settings().outbound_deadline
    wanted = usual * _SLOW if request.is_slow else usual
    return min(wanted, leased.leased_until - clock.now())


def _send(request: OutgoingRequest, leased: LeasedDelivery, outbound: OutboundClient) -> AttemptResult:
    # DLV-08: all attempts carry the delivery's id, so that a recipient can recognise a repetition.
    headers = {"Curfew-Delivery": str(leased.id), "Curfew-Attempt": str(leased.attempt_number)}
    started = clock.now()
    reply: Responded | NoResponse
    try:
        response = request.send(outbound, headers, _deadline(request, leased))
        reply = Responded(response.status, response.headers.get("Retry-After"))
    except OutboundFailure as failure:
        reply = NoResponse(failure.kind)
        event_log.info(
            "delivery_unanswered", delivery_id=leased.id, problem=failure.kind, detail=failure.detail
        )
    now = clock.now()
    sent = SentRequest(
        url=request.url,
        jti=request.jti,
        name=request.name,
        outcome=classify(reply),
        status=reply.status if isinstance(reply, Responded) else None,
        latency_ms=round((now - started).total_seconds() * 1000),
        asked_wait=_asked_wait(reply, now),
    )
    waits = current.settings().delivery_schedule
    verdict = judge(reply, leased, waits, now, gone=request.gone)
    return AttemptResult(verdict, sent)

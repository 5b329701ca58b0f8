"""Make one attempt: build the request afresh, send it, judge the answer. Writes nothing (DLV-05)."""

from collections.abc import Mapping
from dataclasses import dataclass

from provider.delivery.judge import Rejected, Verdict, classify, judge, judge_before_sending, postponed
from provider.delivery.outgoing import (
    Answered,
    Builder,
    ClaimedDelivery,
    Exchange,
    OutgoingRequest,
    Superseded,
    Unanswered,
    Undeliverable,
)
from provider.infrastructure import clock, current, event_log
from provider.infrastructure.database import db, end_read
from provider.infrastructure.outbound_http import OutboundClient, OutboundFailure


@dataclass(frozen=True, slots=True)
class Report:
    """How an attempt went; without an exchange nothing has left the house."""

    verdict: Verdict
    exchange: Exchange | None = None


def perform(claimed: ClaimedDelivery, builders: Mapping[str, Builder], outbound: OutboundClient) -> Report:
    """Attempt a claimed delivery. No transaction is open and no connection held while we wait."""
    waits = current.settings().delivery_schedule
    early = judge_before_sending(claimed, waits, clock.now())
    if early is not None:
        return Report(early)
    try:
        request = builders[claimed.kind](claimed)
        end_read()
    except Exception:  # noqa: BLE001 – whatever failed is our own fault, is logged, and must not cost the client a try.
        event_log.error("delivery_not_built", exc_info=True, delivery_id=claimed.id, kind=claimed.kind)
        db.session.rollback()
        return Report(postponed(claimed, clock.now()))
    match request:
        case OutgoingRequest():
            return _send(request, claimed, outbound)
        case Undeliverable(outcome=outcome):
            return Report(Rejected(outcome))
        case Superseded():
            return Report(request)


def _send(request: OutgoingRequest, claimed: ClaimedDelivery, outbound: OutboundClient) -> Report:
    # DLV-08: the delivery's id stays the same over all attempts, so that a client can recognise a repetition.
    headers = {"Curfew-Delivery": str(claimed.id), "Curfew-Attempt": str(claimed.attempt_number)}
    started = clock.now()
    answer: Answered | Unanswered
    try:
        response = outbound.post_form(request.url, request.fields, headers=headers)
        answer = Answered(response.status, response.headers.get("Retry-After"))
    except OutboundFailure as failure:
        answer = Unanswered(failure.kind)
        event_log.info(
            "delivery_unanswered", delivery_id=claimed.id, problem=failure.kind, detail=failure.detail
        )
    now = clock.now()
    exchange = Exchange(
        url=request.url,
        jti=request.jti,
        recipient=request.recipient,
        outcome=classify(answer)[0],
        status=answer.status if isinstance(answer, Answered) else None,
        latency_ms=round((now - started).total_seconds() * 1000),
    )
    return Report(judge(answer, claimed, current.settings().delivery_schedule, now), exchange)

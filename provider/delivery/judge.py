"""The meaning of a response for a delivery (DLV-11): a table, and one pure function that reads it.

No response short of success is final: an app that restarts answers 404 or 302, and one with a stale key
set must answer 400. The class of the response decides only how early operators hear of it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from provider.delivery.models import REFUSALS
from provider.delivery.outgoing import (
    Cancelled,
    LeasedDelivery,
    NoResponse,
    Responded,
    Superseded,
    Undeliverable,
)
from provider.delivery.schedule import read_retry_after, spread, wait_after, within_horizon

Waits = tuple[timedelta, ...]
OWN_FAULT_WAIT = timedelta(seconds=10)
# Nothing is sent, so this is no attempt; an operator has to change something first.
UNDELIVERABLE_WAIT = timedelta(minutes=5)
# A killed worker interrupts all of its attempts. Only when this happens to a delivery again is the delivery
# taken for the cause; from then on each crash costs it a wait of the schedule.
_CRASHES_AT_ONCE = 1


class Outcome(StrEnum):
    """Outcomes of an attempt, besides the outbound client's classes of failure."""

    ACCEPTED = "accepted"
    # A 2xx other than 200 and 204: counts as success, but is shown.
    ACCEPTED_ODDLY = "accepted_oddly"
    REDIRECTED = "redirected"
    BAD_REQUEST = "bad_request"
    # 401, 403, 404, 405, 410, 413, 415 and the like.
    MISCONFIGURED = "misconfigured"
    UNAVAILABLE = "unavailable"
    PROTOCOL = "protocol"
    # The worker died in every attempt (FLT-12).
    CRASHED = "crashed"


_BY_STATUS = {
    200: Outcome.ACCEPTED,
    204: Outcome.ACCEPTED,
    400: Outcome.BAD_REQUEST,
    # These ask for patience; they do not refuse.
    408: Outcome.UNAVAILABLE,
    425: Outcome.UNAVAILABLE,
    429: Outcome.UNAVAILABLE,
}
_BY_HUNDRED = {
    2: Outcome.ACCEPTED_ODDLY,
    3: Outcome.REDIRECTED,
    4: Outcome.MISCONFIGURED,
    5: Outcome.UNAVAILABLE,
}
_SUCCESS = (Outcome.ACCEPTED, Outcome.ACCEPTED_ODDLY)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The recipient confirmed it."""

    outcome: str


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Try again at this instant."""

    at: datetime
    outcome: str


@dataclass(frozen=True, slots=True)
class Expired:
    """The horizon was reached before the recipient accepted it."""

    outcome: str


@dataclass(frozen=True, slots=True)
class Postponed:
    """Our own fault: tried again soon, and not counted."""

    at: datetime


Verdict = Accepted | RetryAt | Expired | Cancelled | Superseded | Postponed


def judge(
    reply: Responded | NoResponse,
    leased: LeasedDelivery,
    waits: Waits,
    now: datetime,
    *,
    gone: str | None = None,
) -> Verdict:
    """Decide what becomes of a delivery after a request; `gone` says why the recipient no longer exists."""
    outcome = classify(reply)
    if outcome in _SUCCESS:
        return Accepted(outcome)
    if gone is not None and outcome in REFUSALS and leased.refusals:
        # Whatever answers at its last address is no longer the recipient (DLV-22).
        return Cancelled(gone, outcome)
    wait = wait_after(leased.try_number, waits, leased.id)
    if isinstance(reply, Responded):
        # Never sooner than our own schedule says, whatever is asked for (FLT-27).
        wait = max(wait, read_retry_after(reply.retry_after, now))
    return _retry(now + wait, outcome, leased, now)


def classify(reply: Responded | NoResponse) -> str:
    """Return the class of a response."""
    if isinstance(reply, NoResponse):
        return reply.kind
    by_hundred = _BY_HUNDRED.get(reply.status // 100, Outcome.PROTOCOL)
    return _BY_STATUS.get(reply.status, by_hundred)


def judge_before_sending(leased: LeasedDelivery, waits: Waits, now: datetime) -> Verdict | None:
    """Decide cases that need no request: an expired delivery, a row that kills its workers, a lost lease."""
    if now >= leased.expires_at:
        return Expired(leased.last_outcome or "late")
    if leased.crashes > _CRASHES_AT_ONCE:
        wait = wait_after(leased.try_number - 1, waits, leased.id)
        return _retry(now + wait, Outcome.CRASHED, leased, now)
    if now >= leased.leased_until:
        return Postponed(now)
    return None


def judge_undeliverable(why: Undeliverable, leased: LeasedDelivery, now: datetime) -> Verdict:
    """Decide on a delivery that cannot be sent as things stand; an operator may change that."""
    at = now + spread(UNDELIVERABLE_WAIT, leased.id, leased.refusals)
    return _retry(at, why.outcome, leased, now)


def postponed(leased: LeasedDelivery, now: datetime) -> Verdict:
    """Decide after an error of ours, such as a signer or database that failed (FLT-37)."""
    if now >= leased.expires_at:
        return Expired(leased.last_outcome or "late")
    return Postponed(now + spread(OWN_FAULT_WAIT, leased.id, leased.try_number))


def _retry(planned: datetime, outcome: str, leased: LeasedDelivery, now: datetime) -> RetryAt | Expired:
    at = within_horizon(planned, now, leased.expires_at, leased.id)
    return Expired(outcome) if at is None else RetryAt(at, outcome)

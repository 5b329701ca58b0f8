"""What an answer means for a delivery (DLV-11): a table, and one pure function that reads it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum, auto

from provider.delivery.outgoing import Answered, ClaimedDelivery, Superseded, Unanswered
from provider.delivery.schedule import read_retry_after, spread, wait_after

Waits = tuple[timedelta, ...]
# backchannel §2.8: 400 says that the request was invalid or the logout failed; the latter may pass.
FRESH_TRY_AFTER = timedelta(seconds=60)
OWN_FAULT_WAIT = timedelta(seconds=10)


class Outcome(StrEnum):
    """What one attempt came to, besides the outbound client's classes of failure."""

    ACCEPTED = "accepted"
    # Another 2xx than 200 and 204: taken for a yes, and shown.
    ACCEPTED_ODDLY = "accepted_oddly"
    REDIRECTED = "redirected"
    BAD_REQUEST = "bad_request"
    MISCONFIGURED = "misconfigured"
    UNAVAILABLE = "unavailable"
    PROTOCOL = "protocol"
    # The worker died in every try (FLT-12).
    CRASHED = "crashed"


class Treatment(Enum):
    """What follows from a class of outcome."""

    DONE = auto()
    ONCE_MORE = auto()
    ONE_FRESH_TRY = auto()
    BY_SCHEDULE = auto()


_BY_STATUS = {
    200: (Outcome.ACCEPTED, Treatment.DONE),
    204: (Outcome.ACCEPTED, Treatment.DONE),
    400: (Outcome.BAD_REQUEST, Treatment.ONE_FRESH_TRY),
    408: (Outcome.UNAVAILABLE, Treatment.BY_SCHEDULE),
    425: (Outcome.UNAVAILABLE, Treatment.BY_SCHEDULE),
    429: (Outcome.UNAVAILABLE, Treatment.BY_SCHEDULE),
}
_BY_HUNDRED = {
    2: (Outcome.ACCEPTED_ODDLY, Treatment.DONE),
    3: (Outcome.REDIRECTED, Treatment.ONCE_MORE),
    # 401, 403, 404, 405, 410, 413, 415 and their kin: somebody must change something.
    4: (Outcome.MISCONFIGURED, Treatment.ONCE_MORE),
    5: (Outcome.UNAVAILABLE, Treatment.BY_SCHEDULE),
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """The client said yes."""

    outcome: str


@dataclass(frozen=True, slots=True)
class RetryAt:
    """It is worth trying again, at this instant."""

    at: datetime
    outcome: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Nothing will be sent any more unless somebody asks: the dead letter."""

    outcome: str


@dataclass(frozen=True, slots=True)
class Expired:
    """The news has lost its meaning before it was accepted."""

    outcome: str


@dataclass(frozen=True, slots=True)
class Postponed:
    """Our own fault: tried again soon, and not counted."""

    at: datetime


Verdict = Accepted | RetryAt | Rejected | Expired | Superseded | Postponed


def judge(answer: Answered | Unanswered, claimed: ClaimedDelivery, waits: Waits, now: datetime) -> Verdict:
    """Decide what becomes of a delivery after an exchange."""
    outcome, treatment = classify(answer)
    if treatment is Treatment.DONE:
        return Accepted(outcome)
    once = treatment in (Treatment.ONCE_MORE, Treatment.ONE_FRESH_TRY)
    wait = wait_after(claimed.try_number, waits, claimed.id)
    if wait is None or (once and claimed.last_outcome == outcome):
        return Rejected(outcome)
    if treatment is Treatment.ONE_FRESH_TRY:
        wait = FRESH_TRY_AFTER
    elif isinstance(answer, Answered):
        # Never sooner than our own schedule says, whatever is asked for (FLT-27).
        wait = max(wait, read_retry_after(answer.retry_after, now))
    if now + wait >= claimed.expires_at:
        return Expired(outcome)
    return RetryAt(now + wait, outcome)


def classify(answer: Answered | Unanswered) -> tuple[str, Treatment]:
    """Return an answer's class and what follows from it."""
    if isinstance(answer, Unanswered):
        # A refused target is a matter of configuration, like a 404; every other failure may pass.
        return answer.kind, Treatment.ONCE_MORE if answer.kind == "refused" else Treatment.BY_SCHEDULE
    if answer.status in _BY_STATUS:
        return _BY_STATUS[answer.status]
    return _BY_HUNDRED.get(answer.status // 100, (Outcome.PROTOCOL, Treatment.BY_SCHEDULE))


def judge_before_sending(claimed: ClaimedDelivery, waits: Waits, now: datetime) -> Verdict | None:
    """Decide what needs no exchange: news too old, a row that kills its workers, a lease already lost."""
    if now >= claimed.expires_at:
        return Expired(claimed.last_outcome or "late")
    if claimed.try_number > len(waits) + 1:
        # Judged attempts end with the schedule; only ones that nobody lived to judge lead beyond it.
        return Rejected(Outcome.CRASHED)
    if now >= claimed.leased_until:
        return Postponed(now)
    return None


def postponed(claimed: ClaimedDelivery, now: datetime) -> Verdict:
    """Decide after an error of ours, such as a signer or database that failed (FLT-37)."""
    if now >= claimed.expires_at:
        return Expired(claimed.last_outcome or "late")
    return Postponed(now + spread(OWN_FAULT_WAIT, claimed.id, claimed.try_number))

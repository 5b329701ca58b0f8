"""When the dispatcher looks for due deliveries again: values in, a value out.

Instants are seconds of the monotonic clock. A lease costs nearly as much for one delivery as for many,
so a look that would find few is put off for a moment.
"""

import math
from dataclasses import dataclass, replace

SHORTEST_PAUSE = 0.05
LONGEST_PAUSE = 5.0
NEVER = math.inf


@dataclass(frozen=True, slots=True)
class NoPermit:
    """Nothing more may be leased: every permit is in use, or a drain has reached its limit."""

    is_limit_reached: bool = False


@dataclass(frozen=True, slots=True)
class ResultsBehind:
    """Too many results wait to be written: a delivery whose lease ends before that is sent again."""


@dataclass(frozen=True, slots=True)
class NothingDue:
    """Nothing is due, so nothing was leased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """Due deliveries were leased, although perhaps none was free."""

    taken: int
    may_be_more: bool
    # Whether some were left only because no more could be leased.
    is_full: bool = False
    # Whether a recipient has to wait, and from when one of them may start without another event.
    has_held: bool = False
    held_until: float | None = None
    # Whether the limits kept a delivery from starting, not only a breaker.
    is_limited: bool = False
    # Permits after the lease: whether any is left, and whether at least half of them are.
    has_free: bool = True
    is_half_free: bool = True


Found = NoPermit | ResultsBehind | NothingDue | Leased


@dataclass(frozen=True, slots=True)
class NextLook:
    """The plan after a look that began at `looked_at`."""

    looked_at: float = 0.0
    # When to look if no event comes first.
    at: float = 0.0
    # Whether a released permit brings the look forward.
    awaits_release: bool = False
    # Whether everything was started that may be started without waiting for a permit.
    is_drained: bool = False
    # Before this instant no release brings the look forward: looks take at most half of the time.
    soonest: float = 0.0

    def no_later_than(self, at: float) -> "NextLook":
        """Return the plan with a look at this instant, or earlier."""
        return replace(self, at=at) if at < self.at else self

    def after_release(self, *, is_half_free: bool) -> "NextLook":
        """Return the plan after a permit was released, or its attempt stalled and no longer counts."""
        if not self.awaits_release:
            return self
        return self.no_later_than(max(self.soonest, _soon(self.looked_at, is_half_free)))


def plan(found: Found, looked_at: float, now: float) -> NextLook:
    """Return when to look again after a look that began at `looked_at` and is over now."""
    match found:
        case NoPermit(is_limit_reached):
            return NextLook(looked_at, NEVER, awaits_release=not is_limit_reached)
        case ResultsBehind():
            return NextLook(looked_at, looked_at + SHORTEST_PAUSE)
        case NothingDue():
            return NextLook(looked_at, NEVER, is_drained=True)
        case Leased():
            return _after_lease(found, looked_at, now)


def pause(
    next_look: NextLook, now: float, *, is_asked: bool, is_closing: bool, is_busy: bool, write_in: float
) -> float:
    """Return for how many seconds to wait for an event.

    `is_asked`: a look was requested. `is_busy`: attempts are under way, one of which may stall. `write_in`:
    in how many seconds something is to be written. A dispatcher that is closing does not look.
    """
    if is_asked and not is_closing:
        return 0.0
    longest = min(SHORTEST_PAUSE if is_busy else LONGEST_PAUSE, write_in)
    return max(0.0, longest if is_closing else min(longest, next_look.at - now))


def _after_lease(leased: Leased, looked_at: float, now: float) -> NextLook:
    at = NEVER
    if leased.held_until is not None:
        at = max(leased.held_until, now + SHORTEST_PAUSE)
    is_cut_short = leased.may_be_more and (leased.taken > 0 or leased.is_full)
    if is_cut_short and leased.has_free:
        at = _soon(looked_at, leased.is_half_free)
    return NextLook(
        looked_at,
        at,
        awaits_release=leased.has_held or is_cut_short,
        is_drained=not (leased.is_limited or is_cut_short),
        soonest=now + min(now - looked_at, SHORTEST_PAUSE),
    )


def _soon(looked_at: float, is_half_free: bool) -> float:
    """Return when to look for more: at once if much can be leased, else when some permits may be free."""
    return 0.0 if is_half_free else looked_at + SHORTEST_PAUSE

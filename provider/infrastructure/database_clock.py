"""Measure the offset of this machine's clock from the database's, every few seconds while in use.

The pool asks whether a connection still works when it has been idle; asking for the time instead costs
nothing. It asks as well when the last response is some seconds old, and when this machine's clock was set. A
response proves the offset to within its round trip, so the known offset is kept while a
response agrees with it and otherwise moved no further than the response proves: equal clocks stay equal,
and time does not jitter.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from provider.infrastructure import clock, event_log

# More than this is worth a word to the operator, although it is corrected.
NOTABLE = timedelta(seconds=1)
# Two clocks are read one after the other and rounded; so little is no difference.
_FUZZ = timedelta(milliseconds=1)
# A response is good for so many seconds, unless this machine's clock moves by more than time passes.
_GOOD_FOR = 2.0
_ASK = "SELECT extract(epoch FROM clock_timestamp())"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The steady and the local clock at the last response.
_last_response: tuple[float, datetime] | None = None


def is_due() -> bool:
    """Return whether to ask again: the last response is old, or this machine's clock has been set since."""
    if _last_response is None:
        return True
    steady, local = _last_response
    passed = time.monotonic() - steady
    return passed > _GOOD_FOR or abs(clock.local() - local - timedelta(seconds=passed)) > NOTABLE


def measure(connection: Any) -> bool:
    """Ask a driver's connection for the time; it works if it answers, as a pool wants to know."""
    was_autocommit = connection.autocommit
    if not was_autocommit:
        connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            asked = time.monotonic()
            cursor.execute(_ASK)
            (seconds,) = cursor.fetchone()
            # Before the span is taken: a pause in between makes the proof weaker, not wrong.
            heard = clock.local()
            round_trip = timedelta(seconds=time.monotonic() - asked)
            _note_response(heard)
            observe(_EPOCH + timedelta(seconds=float(seconds)), heard, round_trip)
    finally:
        if not was_autocommit and not connection.closed:
            connection.autocommit = was_autocommit
    return True


def _note_response(heard: datetime) -> None:
    global _last_response  # noqa: PLW0603 – there is one local clock in a process.
    _last_response = (time.monotonic(), heard)


def observe(said: datetime, heard: datetime, round_trip: timedelta) -> None:
    """Take in what the database's clock said within a round trip that this machine's saw end at `heard`."""
    known = clock.offset()
    lowest = said - heard - _FUZZ
    best = min(max(known, lowest), lowest + round_trip + 2 * _FUZZ)
    if best == known:
        return
    clock.correct(best)
    if is_notable(best) and abs(best - known) > NOTABLE:
        event_log.warning("clock_differs", offset_seconds=round(best.total_seconds(), 3))


def is_notable(offset: timedelta) -> bool:
    """Return whether an offset says that a clock is wrong: this machine's or the database's."""
    return abs(offset) > NOTABLE

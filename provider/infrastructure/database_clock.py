"""How far this machine's clock is from the database's, measured whenever a connection is looked at.

The pool asks before each use whether a connection still works; asking for the time instead costs
nothing. An answer proves the offset to within its round trip, so the known offset is kept while an
answer agrees with it and otherwise moved no further than the answer proves: equal clocks stay equal,
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
_ASK = "SELECT extract(epoch FROM clock_timestamp())"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
            observe(_EPOCH + timedelta(seconds=float(seconds)), heard, round_trip)
    finally:
        if not was_autocommit and not connection.closed:
            connection.autocommit = was_autocommit
    return True


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
    """Whether an offset says that a clock is wrong: this machine's or the database's."""
    return abs(offset) > NOTABLE

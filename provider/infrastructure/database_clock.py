"""Measure the offset of this machine's clock from the database's, every few seconds while in use.

The pool tests a connection that has been idle; querying the time as the test costs nothing extra. The time is
also queried when the last response is some seconds old, and when this machine's clock was set. A response
proves the offset to within its round trip, so the known offset is kept while a response agrees with it and
otherwise moved no further than the response proves: equal clocks stay equal, and time does not jitter.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from provider.infrastructure import clock, event_log

# A larger offset is logged for the operator, although it is corrected.
NOTABLE = timedelta(seconds=1)
# The two clocks are read one after the other and rounded; a difference this small means nothing.
_FUZZ = timedelta(milliseconds=1)
# A response stays valid for this many seconds, unless this machine's clock is set in the meantime.
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
    """Query the time on a driver's connection; returns True, because a response shows that it works."""
    was_autocommit = connection.autocommit
    if not was_autocommit:
        connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            asked = time.monotonic()
            cursor.execute(_ASK)
            (seconds,) = cursor.fetchone()
            # Read before the round trip is computed: a pause in between widens the bound but does not make it
            # wrong.
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
    """Adjust the offset to the database's time, read in a round trip that ended at `heard` by our clock."""
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

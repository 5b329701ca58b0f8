"""Whether requests can be served: a list of checks, run together in one short, shared round.

Probes must not cause load, nor wait as long as the checks can take: a probe within a second of a round gets
that round's result, only one round runs at a time, and no probe waits longer than the bound.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from provider.infrastructure import clock, current, database_clock, event_log, write_probe
from provider.infrastructure.database import db, is_sqlite
from provider.infrastructure.database_errors import AWAY, is_read_only
from provider.infrastructure.database_wait import waiting_at_most
from provider.infrastructure.engine import WRITES
from provider.infrastructure.provider_state import THE_ROW, ProviderState
from provider.infrastructure.shared_round import SharedRound
from provider.inspection import history

# Shorter than the usual timeout of probes.
BOUND = timedelta(seconds=2)
_SHARED_FOR = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The result of one check; the detail is a sentence, the values are figures for operators."""

    ok: bool = True
    detail: str = ""
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """A named check; it fails if it raises an error of an unavailable database."""

    name: str
    act: Callable[[Connection], Verdict]


def is_set_up(connection: Connection) -> Verdict:
    """Return whether the database answers and has been set up."""
    row = connection.scalar(select(ProviderState.id).where(ProviderState.id == THE_ROW))
    return Verdict() if row is not None else Verdict(ok=False, detail="the database has not been set up")


def takes_writes(connection: Connection) -> Verdict:
    """Return whether a write commits: not on a standby, nor while commits wait for a lost standby."""
    write_probe.write(connection)
    return Verdict()


def has_the_time(_connection: Connection) -> Verdict:
    """Return the offset of this machine's clock from the database's; it is corrected, so this never fails."""
    offset = clock.offset()
    seconds = offset.total_seconds()
    detail = ""
    if database_clock.is_notable(offset):
        side = "behind" if seconds > 0 else "ahead of"
        detail = (
            f"this machine's clock is {abs(seconds):.1f} s {side} the "
            "database's, whose time is used: synchronise both clocks"
        )
    return Verdict(detail=detail, values={"offset_seconds": round(seconds, 3)})


def is_whole(connection: Connection) -> Verdict:
    """Return whether the database is not an older copy, which would revive ended sessions."""
    found = history.look(connection)
    return Verdict(ok=not found.is_older, detail=found.sentence)


CHECKS: tuple[Check, ...] = (
    Check("database", is_set_up),
    Check("write", takes_writes),
    Check("clock", has_the_time),
    Check("history", is_whole),
)

Verdicts = dict[str, Verdict]


def verdicts() -> Verdicts:
    """Return the results of the checks that ran within the bound; none runs after a failed one."""
    shared: SharedRound[Verdicts] = current.memo("readiness", _make_round)
    found = dict(shared.ask(_look))
    if all(verdict.ok for verdict in found.values()):
        late = [check.name for check in CHECKS if check.name not in found][:1]
        found |= {name: Verdict(ok=False, detail=_TOO_LATE) for name in late}
    return found


def has_been_ready() -> bool:
    """Return whether every check has passed once since this process began; runs no check."""
    return _first_success().is_set()


def _first_success() -> threading.Event:
    return current.memo("first_success", threading.Event)


_TOO_LATE = f"no response within {BOUND.total_seconds():g} s"


def _make_round() -> SharedRound[Verdicts]:
    return SharedRound(dict, bound=BOUND, shared_for=_SHARED_FOR)


def _look(found: Verdicts) -> None:
    check = CHECKS[0]
    try:
        # The deadline of a request. If the first host is unreachable, connecting takes longer than a probe
        # waits; a later probe then finds the connection ready.
        with waiting_at_most(current.settings().database_deadline), _connection() as connection:
            for check in CHECKS:
                found[check.name] = check.act(connection)
                # Each check sees the database at its own instant and leaves nothing locked.
                connection.commit()
                if not found[check.name].ok:
                    break
            else:
                _first_success().set()
    except AWAY as exc:
        found[check.name] = Verdict(ok=False, detail=_sentence(exc))
    failed = {name: verdict.detail for name, verdict in found.items() if not verdict.ok}
    if failed:
        event_log.warning("not_ready", checks=failed)


def _connection() -> Connection:
    """Return a connection on which no lock outlives its statement, even if this process is frozen."""
    options = {WRITES: True} if is_sqlite() else {"isolation_level": "AUTOCOMMIT"}
    return db.engine.connect().execution_options(**options)


def _sentence(exc: Exception) -> str:
    if is_read_only(exc):
        return "the database is read-only"
    is_late = isinstance(exc, DBAPIError) and "in time" in str(exc.orig)
    return "the database did not answer in time" if is_late else "the database does not answer"

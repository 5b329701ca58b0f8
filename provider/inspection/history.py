"""Whether the database still holds everything that it once held.

Two records show it. The database itself remembers on which server and timeline it was last known to be
complete. This instance remembers the latest state in which it has seen the database; an earlier state is an
older copy, in which ended sessions are live again.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select

from provider.audit.models import AuditEvent
from provider.infrastructure import current, event_log, lineage, seen_database
from provider.infrastructure.database import db, is_sqlite
from provider.infrastructure.engine import WRITES
from provider.infrastructure.lineage import Lineage, Place
from provider.infrastructure.provider_state import ProviderState
from provider.infrastructure.seen_database import Mark, Seen

# How often each process checks.
EVERY = timedelta(seconds=10)
_CURE = "run `curfew db restored`, which ends all sessions and grants (docs/operate/restore.md)"


class State(StrEnum):
    """The state of a database, compared with what is known about it."""

    WHOLE = "whole"
    # Another server or timeline: data may be missing, but nothing proves it.
    MOVED = "moved"
    # Data that existed is missing.
    OLDER = "older"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result of a check, with a sentence for operators that is empty while the database is whole."""

    state: State
    sentence: str = ""

    @property
    def is_older(self) -> bool:
        """Whether committed data is proven to be missing."""
        return self.state is State.OLDER


def judge(*, remember: bool = True) -> Judgement:
    """Judge the current application's database, on a separate connection."""
    with _connection(writes=remember) as connection:
        found = look(connection, remember=remember)
        connection.commit()
    return found


def place() -> Place | None:
    """Return where the current application's database writes, or None if it does not say."""
    with _connection(writes=False) as connection:
        return lineage.place_of(connection)


def watch() -> None:
    """Judge the database, and log the result if it differs from the last one."""
    found = judge()
    last: list[Judgement] = current.memo("history", lambda: [Judgement(State.WHOLE)])
    if found != last[0]:
        last[0] = found
        if found.sentence:
            level = event_log.error if found.is_older else event_log.warning
            level("database_history", state=found.state, detail=found.sentence)
        else:
            event_log.info("database_history", state=found.state)


def look(connection: Connection, *, remember: bool = True) -> Judgement:
    """Compare a database with what is known about it; with `remember`, also record its present state.

    The record is read first, because another process may record a later state at any time.
    """
    folder = current.settings().data_dir
    seen = seen_database.read(folder)
    place = lineage.place_of(connection)
    known = lineage.read(connection) or (lineage.begin(connection, place) if remember else None)
    if known is None:
        return Judgement(State.WHOLE)
    mark = _mark(connection, place)
    why = _why_older(connection, known, mark, seen)
    if why:
        return Judgement(State.OLDER, f"the database is an older copy: {why}; {_CURE}")
    if remember and known.accepted is None and place is not None:
        lineage.accept_first(connection, place)
    if remember and seen.marks.get(known.lineage_id) != mark:
        seen_database.write(folder, seen.with_mark(known.lineage_id, mark, succeeds=known.succeeds))
    if place is not None and known.accepted not in (None, place):
        return Judgement(State.MOVED, _moved(known.accepted, place))
    return Judgement(State.WHOLE)


def _connection(*, writes: bool) -> Connection:
    options: dict[str, Any] = {WRITES: writes} if is_sqlite() else {"isolation_level": "AUTOCOMMIT"}
    return db.engine.connect().execution_options(**options)


def _mark(connection: Connection, place: Place | None) -> Mark:
    last = select(AuditEvent.seq, AuditEvent.chain).where(AuditEvent.seq.is_not(None))
    head = connection.execute(last.order_by(AuditEvent.seq.desc()).limit(1)).one_or_none()
    return Mark(
        epoch=connection.scalar(select(ProviderState.epoch)) or 0,
        audit_seq=head.seq if head else 0,
        audit_chain=head.chain if head else "",
        system_identifier=place.system_identifier if place else "",
        timeline=place.timeline if place else 0,
    )


def _why_older(connection: Connection, known: Lineage, mark: Mark, seen: Seen) -> str:
    """Return the proof that something is missing, or an empty text."""
    if known.lineage_id in seen.replaced:
        return "another copy has replaced it since (`curfew db restored` was run there)"
    before = seen.marks.get(known.lineage_id)
    if before is None:
        return ""
    if mark.audit_seq < before.audit_seq:
        return f"its audit ends at entry {mark.audit_seq}, and entry {before.audit_seq} was seen"
    if mark.epoch < before.epoch:
        return "everyone was signed out since"
    if mark.system_identifier == before.system_identifier and mark.timeline < before.timeline:
        return (
            f"it writes timeline {mark.timeline}, and timeline {before.timeline} was seen: a former primary"
        )
    if before.audit_seq and not _has_entry(connection, before):
        return f"entry {before.audit_seq} of its audit is not the one that was seen"
    return ""


def _has_entry(connection: Connection, before: Mark) -> bool:
    """Return whether the recorded entry is present; an entry deleted for its age counts as present."""
    chain = connection.scalar(select(AuditEvent.chain).where(AuditEvent.seq == before.audit_seq))
    return chain is None or chain == before.audit_chain


def _moved(accepted: Place | None, place: Place) -> str:
    return (
        f"the database has moved from {accepted} to {place}: after a restored backup or the failover of an "
        f"asynchronous standby {_CURE}; if nothing was lost, run `curfew db accept-failover`"
    )

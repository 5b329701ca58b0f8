"""Look whether the audit still says what was written: every entry, its number and its order."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Select, select

from provider.audit.chain import START, Link, link_after
from provider.audit.models import AuditEvent
from provider.audit.record import mac_of
from provider.audit.tags import EventTag
from provider.infrastructure import current
from provider.infrastructure.database import db

_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a verification saw; without problems nothing was changed, removed or moved."""

    linked: int
    not_yet_linked: int
    head: Link | None
    problems: tuple[str, ...]


def verify(anchor: Link | None = None) -> Findings:
    """Read the whole audit and say in sentences what is wrong with it.

    Only an anchor taken earlier and kept elsewhere shows that the end of the chain was cut off.
    """
    problems: list[str] = []
    known, linked = START, 0
    for event in _read(select(AuditEvent).where(AuditEvent.seq.is_not(None)).order_by(AuditEvent.seq)):
        problems += _wrong_entry(event)
        problems += _wrong_place(event, known)
        # From here on its own word counts, so that one problem is not reported for all that follow.
        known, linked = Link(event.seq or 0, event.chain or ""), linked + 1
        if anchor is not None and known.seq == anchor.seq and known != anchor:
            problems.append(f"entry {anchor.seq} is not the one that the anchor was taken of")
    if anchor is not None and anchor.seq > known.seq:
        problems.append(f"the anchor knows of entry {anchor.seq}, but the last one here is {known.seq}")
    not_yet_linked = 0
    for event in _read(select(AuditEvent).where(AuditEvent.seq.is_(None))):
        problems += _wrong_entry(event)
        not_yet_linked += 1
    return Findings(
        linked=linked,
        not_yet_linked=not_yet_linked,
        head=known if linked else None,
        problems=tuple(problems),
    )


def _read(wanted: Select[AuditEvent]) -> Iterator[AuditEvent]:
    """Yield entries as the database has them now, a batch at a time."""
    yield from db.session.scalars(wanted.execution_options(yield_per=_BATCH, populate_existing=True))


def _wrong_entry(event: AuditEvent) -> Iterator[str]:
    if mac_of(event, current.secret_box()) != event.mac:
        yield f"entry {_name(event)} was changed"


def _wrong_place(event: AuditEvent, before: Link) -> Iterator[str]:
    seq = event.seq or 0
    if before == START and seq > 1:
        pruned = _pruned_through(seq - 1)
        if pruned is None:
            yield _missing(1, seq - 1)
            return
        before = pruned
    if seq != before.seq + 1:
        yield _missing(before.seq + 1, seq - 1)
    elif link_after(before, event.mac) != Link(seq, event.chain or ""):
        yield f"entry {_name(event)} does not follow from the one before it"


def _pruned_through(seq: int) -> Link | None:
    """Return the last link that was deleted for its age, if an unchanged entry vouches for that."""
    vouching = select(AuditEvent).where(AuditEvent.tag == EventTag.AUDIT_PRUNED)
    for event in db.session.scalars(vouching.order_by(AuditEvent.at.desc())):
        if event.detail.get("through") == seq and mac_of(event, current.secret_box()) == event.mac:
            return Link(seq, str(event.detail.get("chain")))
    return None


def _missing(first: int, last: int) -> str:
    return f"entry {first} is missing" if first == last else f"entries {first} to {last} are missing"


def _name(event: AuditEvent) -> str:
    return f"{event.seq or event.id} ({event.tag})"

"""Look whether the audit still says what was written: every entry, its number and its order."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain as chained

from sqlalchemy import Select, Text, cast, select

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
    # The last link that was deleted for its age.
    pruned_through: Link | None
    problems: tuple[str, ...]


def verify(anchor: Link | None = None) -> Findings:
    """Read the whole audit and say in sentences what is wrong with it.

    Only an anchor taken earlier and kept elsewhere shows that the end of the chain was cut off.
    """
    problems: list[str] = []
    known, linked, first = START, 0, 0
    for event in _read(select(AuditEvent).where(AuditEvent.seq.is_not(None)).order_by(AuditEvent.seq)):
        problems += problems_with(event, known)
        # From here on its own word counts, so that one problem is not reported for all that follow.
        known, linked, first = Link(event.seq or 0, event.chain or ""), linked + 1, first or event.seq or 0
        if anchor is not None and known.seq == anchor.seq and known != anchor:
            problems.append(_not_that_of(anchor))
    pruned_through = _find_pruned(first - 1) if first > 1 else None
    if anchor is not None and anchor.seq > known.seq:
        problems.append(f"the anchor knows of entry {anchor.seq}, but the last one here is {known.seq}")
    elif anchor is not None and pruned_through is not None:
        problems += _problems_with_pruned(anchor, pruned_through)
    not_yet_linked = 0
    for event in _read(select(AuditEvent).where(AuditEvent.seq.is_(None))):
        problems += _wrong_entry(event)
        not_yet_linked += 1
    return Findings(
        linked=linked,
        not_yet_linked=not_yet_linked,
        head=known if linked else None,
        pruned_through=pruned_through,
        problems=tuple(problems),
    )


def oldest(limit: int) -> list[AuditEvent]:
    """Return the first linked entries as the database has them now."""
    linked = select(AuditEvent).where(AuditEvent.seq.is_not(None)).order_by(AuditEvent.seq).limit(limit)
    return list(_read(linked))


def problems_with(event: AuditEvent, before: Link) -> list[str]:
    """Return what is wrong with a linked entry and its place after another; START before the first one."""
    return [*_wrong_entry(event), *_wrong_place(event, before)]


def _read(wanted: Select[AuditEvent]) -> Iterator[AuditEvent]:
    """Yield entries as the database has them now, a batch at a time."""
    yield from db.session.scalars(wanted.execution_options(yield_per=_BATCH, populate_existing=True))


def _wrong_entry(event: AuditEvent) -> Iterator[str]:
    if mac_of(event, current.secret_box()) != event.mac:
        yield f"entry {_name(event)} was changed"


def _wrong_place(event: AuditEvent, before: Link) -> Iterator[str]:
    seq = event.seq or 0
    if before == START and seq > 1:
        pruned = _find_pruned(seq - 1)
        if pruned is None:
            yield _missing(1, seq - 1)
            return
        before = pruned
    if seq != before.seq + 1:
        yield _missing(before.seq + 1, seq - 1)
    elif link_after(before, event.mac) != Link(seq, event.chain or ""):
        yield f"entry {_name(event)} does not follow from the one before it"


def _find_pruned(through: int) -> Link | None:
    """Return the last link of a pruned part that ended there, if an unchanged entry vouches for it.

    The newest such entry is the one that is wanted, unless somebody has tampered with the audit or an older
    end is asked for: it is found by ix_audit_event_at_id, where all others need the whole table.
    """
    pruned = select(AuditEvent).where(AuditEvent.tag == EventTag.AUDIT_PRUNED)
    newest = pruned.order_by(AuditEvent.at.desc(), AuditEvent.id.desc()).limit(1)
    # As text: a forged entry may hold anything there, and must not make the statement fail.
    named = pruned.where(cast(AuditEvent.detail["through"].as_string(), Text) == str(through))
    for event in chained(_read(newest), _read(named)):
        if not any(_wrong_entry(event)) and event.detail.get("through") == through:
            return Link(through, str(event.detail.get("chain")))
    return None


def _problems_with_pruned(anchor: Link, pruned_through: Link) -> Iterator[str]:
    """Compare an anchor with a pruned part: of that, only the ends of its batches are known."""
    if anchor.seq > pruned_through.seq:
        return
    end = _find_pruned(anchor.seq)
    if end is None:
        yield (
            f"entry {anchor.seq} of the anchor was pruned, with all through {pruned_through.seq}: "
            "the anchor proves nothing any more, keep a newer one"
        )
    elif end != anchor:
        yield _not_that_of(anchor)


def _not_that_of(anchor: Link) -> str:
    return f"entry {anchor.seq} is not the one that the anchor was taken of"


def _missing(first: int, last: int) -> str:
    return f"entry {first} is missing" if first == last else f"entries {first} to {last} are missing"


def _name(event: AuditEvent) -> str:
    return f"{event.seq or event.id} ({event.tag})"

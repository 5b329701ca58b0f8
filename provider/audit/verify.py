"""Verify that the audit log is as it was written: every entry, its number and its order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Select, Text, cast, select

from provider.audit.anchors import Anchors, not_that_of
from provider.audit.chain import START, Link, links_after
from provider.audit.models import AuditEvent
from provider.audit.record import erased_macs_of, macs_of
from provider.audit.tags import EventTag
from provider.infrastructure import current
from provider.infrastructure.database import db

_BATCH = 500
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The findings of a verification; no problems means that nothing was changed, removed or moved."""

    linked: int
    not_yet_linked: int
    head: Link | None
    # The last link that was deleted because of its age.
    pruned_through: Link | None
    problems: tuple[str, ...]


class Walk:
    """Walks along the chain and finds what is wrong with each entry and its position."""

    def __init__(self, least: int = 0) -> None:
        self.at = START
        self._written_at: datetime | None = None
        # The oldest data key that may have made the next entry or link. A key that was replaced, perhaps
        # because it leaked, proves nothing that was written afterwards.
        self._least_of_links = self.least = least

    def step(self, event: AuditEvent) -> list[str]:
        """Return what is wrong with the next entry."""
        problems = [*wrong_entry(event, self.least), *self._wrong_position(event)]
        # Continue from this entry's own link, so that one problem is not reported again for every later
        # entry.
        self.at, self._written_at = Link(event.seq or 0, event.chain or ""), event.at
        if event.tag == EventTag.SECRET_KEY_REMOVED and not problems:
            self.least = int(event.detail["generation"])
        return problems

    def _wrong_position(self, event: AuditEvent) -> Iterator[str]:
        seq, before = event.seq or 0, self.at
        if before == START and seq > 1:
            pruned = find_pruned(seq - 1, self.least)
            if pruned is None:
                yield missing(1, event, None)
                return
            before, self.least = pruned.through, max(pruned.least, self.least)
        if seq != before.seq + 1:
            yield missing(before.seq + 1, event, self._written_at)
            return
        self._least_of_links = max(self._least_of_links, self.least)
        generation = _generation(Link(seq, event.chain or ""), links_after(before, event.mac))
        if generation is None or generation < self._least_of_links:
            yield misplaced(event, before)
        else:
            self._least_of_links = generation


@dataclass(frozen=True, slots=True)
class Pruned:
    """The end of a part that was deleted because of its age, and the oldest data key valid after it."""

    through: Link
    least: int


def verify(*anchors: Link) -> Findings:
    """Read the whole audit log and describe in sentences what is wrong with it.

    Only anchors taken earlier and kept elsewhere show that the end of the chain was cut off.
    """
    problems: list[str] = []
    kept = Anchors(anchors)
    walk, linked, first = Walk(_least()), 0, 0
    for event in read_linked():
        problems += walk.step(event)
        linked, first = linked + 1, first or event.seq or 0
        problems += kept.compare(walk.at)
    pruned = find_pruned(first - 1) if first > 1 else None
    problems += kept.beyond(walk.at.seq)
    if pruned is not None:
        problems += _problems_with_pruned(kept, pruned.through)
    not_yet_linked = 0
    for event in _read_unlinked():
        problems += wrong_entry(event, walk.least)
        not_yet_linked += 1
    return Findings(
        linked=linked,
        not_yet_linked=not_yet_linked,
        head=walk.at if linked else None,
        pruned_through=pruned.through if pruned else None,
        problems=tuple(problems),
    )


def oldest(limit: int) -> list[AuditEvent]:
    """Return the oldest linked entries, freshly read from the database."""
    linked = select(AuditEvent).where(AuditEvent.seq.is_not(None)).order_by(AuditEvent.seq).limit(limit)
    return _read(linked)


def wrong_entry(event: AuditEvent, least: int = 0) -> Iterator[str]:
    """Yield a sentence unless the entry is unchanged and was written with this data key or a later one."""
    box = current.secret_box()
    found, expected = event.mac, macs_of
    if event.erased is not None:
        # The provider made this digest when it erased personal data; the first one stays in the chain.
        found, expected = event.erased, erased_macs_of
    generation = _generation(found, expected(event, box))
    if generation is None:
        yield f"entry {_name(event)} was changed, or this provider did not write it"
    elif generation < least:
        yield f"entry {_name(event)} was written with a secret key that had been replaced"


def missing(first: int, found: AuditEvent, since: datetime | None) -> str:
    """Return a sentence saying which entries are missing before this one, and when they were written."""
    last = (found.seq or 0) - 1
    which = f"entry {first} is missing" if first == last else f"entries {first} to {last} are missing"
    when = (
        f"before {_instant(found.at)}" if since is None else f"of {_instant(since)} to {_instant(found.at)}"
    )
    return f"{which}, {when}"


def misplaced(event: AuditEvent, before: Link) -> str:
    """Return a sentence saying that an entry is not in its original position."""
    where = f"does not follow entry {before.seq}" if before.seq else "is not the first one"
    return f"entry {_name(event)} {where}: entries were moved or put in here, or a link was changed"


def find_pruned(through: int, least: int = 0) -> Pruned | None:
    """Return the end of a pruned part with this last entry, if an unchanged audit entry proves it.

    The newest entry about pruning is tried first, because ix_audit_event_at_id serves it and it is the right
    one unless the log was tampered with or an older end is wanted. Finding any other reads the whole table.
    """
    pruned = select(AuditEvent).where(AuditEvent.tag == EventTag.AUDIT_PRUNED)
    newest = pruned.order_by(AuditEvent.at.desc(), AuditEvent.id.desc()).limit(1)
    # Compared as text: a forged entry may contain anything there, and must not make the statement fail.
    named = pruned.where(cast(AuditEvent.detail["through"].as_string(), Text) == str(through))
    for wanted in (newest, named):
        for event in _read(wanted):
            if not any(wrong_entry(event, least)) and event.detail.get("through") == through:
                return Pruned(
                    Link(through, str(event.detail.get("chain"))), int(event.detail.get("least", 0))
                )
    return None


def _least() -> int:
    """Return the oldest data key that may have made any of the remaining entries.

    The entry that ends the validity of the older keys is either still here, or was pruned with everything
    that they made.
    """
    keys, generation = current.data_keys(), current.secret_box().generation
    if generation == 0 or keys.are_shared():
        return 0
    ended = select(AuditEvent).where(AuditEvent.tag == EventTag.SECRET_KEY_REMOVED)
    is_here = any(not any(wrong_entry(event, generation)) for event in _read(ended))
    return 0 if is_here else generation


def read_linked(*, after: int | None = None, through: int | None = None) -> Iterator[AuditEvent]:
    """Yield the linked entries in order of their numbers, freshly read, a batch at a time.

    Each batch is a statement of its own: PostgreSQL streams the rows of one statement only inside a
    transaction.
    """
    while True:
        batch = select(AuditEvent).where(AuditEvent.seq.is_not(None)).order_by(AuditEvent.seq).limit(_BATCH)
        if after is not None:
            batch = batch.where(AuditEvent.seq > after)
        if through is not None:
            batch = batch.where(AuditEvent.seq <= through)
        found = _read(batch)
        yield from found
        if len(found) < _BATCH:
            return
        after = found[-1].seq


def _read_unlinked() -> Iterator[AuditEvent]:
    """Yield the entries that are not linked yet, a batch at a time."""
    unlinked = select(AuditEvent).where(AuditEvent.seq.is_(None)).order_by(AuditEvent.id).limit(_BATCH)
    found = _read(unlinked)
    while found:
        yield from found
        found = _read(unlinked.where(AuditEvent.id > found[-1].id))


def _read(wanted: Select[AuditEvent]) -> list[AuditEvent]:
    """Return entries freshly read from the database."""
    return list(db.session.scalars(wanted.execution_options(populate_existing=True)))


def _generation(found: T, expected: Sequence[T]) -> int | None:
    """Return the number of the data key that made a digest, given what each key would make, newest first."""
    return len(expected) - 1 - expected.index(found) if found in expected else None


def _problems_with_pruned(kept: Anchors, pruned_through: Link) -> Iterator[str]:
    """Compare the newest anchor with a pruned part, of which only the ends of its batches are known."""
    anchor = kept.newest
    if anchor is None or anchor.seq > pruned_through.seq:
        return
    end = find_pruned(anchor.seq)
    if end is None:
        yield (
            f"entry {anchor.seq} of the anchor was pruned, with all through {pruned_through.seq}: "
            "the anchor proves nothing any more, keep a newer one"
        )
    elif end.through != anchor:
        yield not_that_of(anchor)


def _name(event: AuditEvent) -> str:
    return f"{event.seq or event.id} ({event.tag})"


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"

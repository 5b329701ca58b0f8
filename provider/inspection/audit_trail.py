"""Whether the audit is complete: an entry for each logout, and an intact chain."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select

from provider.audit import chain
from provider.audit.chain import Link
from provider.audit.models import AuditEvent
from provider.audit.tags import EventTag
from provider.audit.verify import Walk, misplaced, missing, oldest, read_linked, verify, wrong_entry
from provider.infrastructure import clock, current
from provider.infrastructure.database import db, reading
from provider.inspection.batches import batches, between
from provider.logout.models import Logout

_BATCH = 5000
_NEWEST = 10_000
# Pruning stops at the first of the oldest entries that does not verify.
_OLDEST = 500
# The entry is written in the logout's own transaction, so it is hardly later than the logout's instant.
_SOON = timedelta(seconds=10)


def logouts_without_entry() -> Iterator[tuple[int, list[UUID]]]:
    """Yield for each batch of logouts their number and those without an entry."""
    kept_since = clock.now() - current.settings().audit_retention
    for batch in batches(Logout, _BATCH):
        kept = and_(between(Logout, batch.after, batch.through), Logout.at > kept_since)
        with reading():
            missing = [one for one in _without_entry(kept) if not _has_late_entry(one)]
        yield batch.count, missing


def verify_all() -> tuple[int, Sequence[str]]:
    """Verify every entry; return the number of entries and the problems found."""
    with reading():
        findings = verify()
    return findings.linked + findings.not_yet_linked, findings.problems


def verify_newest() -> tuple[int, Sequence[str]]:
    """Verify the ends of the chain: its newest entries, and those that are pruned next.

    Returns the number of verified entries and the problems found.
    """
    with reading():
        head = chain.head()
        if head is None:
            return 0, ()
        newest, oldest_ones = _verify_newest(head), _verify_oldest(head)
    return newest[0] + oldest_ones[0], [*newest[1], *oldest_ones[1]]


def _verify_newest(head: Link) -> tuple[int, Sequence[str]]:
    known: Link | None = None
    since: datetime | None = None
    problems: list[str] = []
    examined = 0
    for event in read_linked(after=head.seq - _NEWEST, through=head.seq):
        link = Link(event.seq or 0, event.chain or "")
        problems += wrong_entry(event)
        if known is not None and link.seq != known.seq + 1:
            problems.append(missing(known.seq + 1, event, since))
        elif known is not None and link not in chain.links_after(known, event.mac):
            problems.append(misplaced(event, known))
        known, since, examined = link, event.at, examined + 1
    return examined, problems


def _verify_oldest(head: Link) -> tuple[int, Sequence[str]]:
    """Verify the entries that are pruned next, except those already among the newest."""
    walk = Walk()
    problems: list[str] = []
    examined = 0
    for event in oldest(_OLDEST):
        if event.seq is None or event.seq > head.seq - _NEWEST:
            break
        problems += walk.step(event)
        examined += 1
    return examined, problems


def _without_entry(of_batch: ColumnElement[bool]) -> Sequence[UUID]:
    """Return the logouts of a batch that have no entry near their instant. Served by ix_audit_event_at_id."""
    bounds = select(func.min(Logout.at), func.max(Logout.at), func.count()).where(of_batch)
    first, last, count = db.session.execute(bounds).one()
    if not count:
        return ()
    recorded = select(AuditEvent.logout_id).where(
        AuditEvent.at.between(first, last + _SOON),
        AuditEvent.tag == EventTag.LOGOUT,
        AuditEvent.logout_id.is_not(None),
    )
    return db.session.scalars(select(Logout.id).where(of_batch, Logout.id.not_in(recorded))).all()


def _has_late_entry(logout_id: UUID) -> bool:
    """Search all entries of the signed-out person. Served by ix_audit_event_account_id_at."""
    late = (
        select(AuditEvent.id)
        .join(Logout, Logout.account_id == AuditEvent.account_id)
        .where(Logout.id == logout_id)
        .where(AuditEvent.logout_id == logout_id, AuditEvent.tag == EventTag.LOGOUT)
    )
    return db.session.scalar(late.limit(1)) is not None

"""Ask the invariants of the whole database: small reads one after the other, nothing locked or written."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from uuid import UUID

from sqlalchemy import func, select

from provider.infrastructure import clock
from provider.infrastructure.database import db, end_read
from provider.inspection import audit_trail
from provider.inspection.invariants import INVARIANTS, Invariant, Walked, between

# So few that what they point to is found by its keys and never by reading a whole table.
BATCH = 1000
_EXAMPLES = 20


@dataclass(slots=True)
class Finding:
    """How one invariant stands: of so many rows so many are wrong, these for example."""

    name: str
    sentence: str
    examined: int = 0
    wrong: int = 0
    examples: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, wrong: Sequence[object]) -> None:
        """Take in what a batch has shown."""
        self.wrong += len(wrong)
        self.examples += [str(one) for one in wrong[: _EXAMPLES - len(self.examples)]]


def check(*, whole_audit: bool = False) -> list[Finding]:
    """Look at everything; of the audit's chain only at its end, unless all of it is asked for."""
    findings: list[Finding] = []
    for table, invariants in groupby(INVARIANTS, key=lambda one: one.table):
        findings += _walk(table, list(invariants))
    return [*findings, _unrecorded(), _chain(whole=whole_audit)]


def _walk(table: Walked, invariants: list[Invariant]) -> list[Finding]:
    findings = [Finding(one.name, one.sentence) for one in invariants]
    for after, through, count in _batches(table):
        for invariant, finding in zip(invariants, findings, strict=True):
            begun = time.monotonic()
            # One statement is one instant: what is written meanwhile cannot seem to contradict itself.
            wrong = invariant.wrong(clock.now()).where(between(table, after, through))
            finding.add(db.session.scalars(wrong).all())
            end_read()
            finding.examined += count
            finding.seconds += time.monotonic() - begun
    return findings


def _batches(table: Walked) -> Iterator[tuple[UUID | None, UUID | None, int]]:
    """Yield the bounds of each batch and how many rows lie in it; the last one has no upper bound."""
    after: UUID | None = None
    while True:
        ids = select(table.id).where(between(table, after, None)).order_by(table.id)
        through = db.session.scalar(ids.offset(BATCH - 1).limit(1))
        if through is None:
            left = db.session.scalar(select(func.count()).select_from(ids.limit(BATCH).subquery()))
            end_read()
            yield after, None, left or 0
            return
        end_read()
        yield after, through, BATCH
        after = through


def _unrecorded() -> Finding:
    finding = Finding("ending_without_audit_entry", "An ending has no entry in the audit (INV-12).")
    begun = time.monotonic()
    for examined, missing in audit_trail.endings_without_entry():
        finding.examined += examined
        finding.add(missing)
    finding.seconds = time.monotonic() - begun
    return finding


def _chain(*, whole: bool) -> Finding:
    part = "The audit" if whole else "The newest part of the audit"
    finding = Finding("audit_chain", f"{part} is not as it was written (INV-12).")
    begun = time.monotonic()
    finding.examined, problems = audit_trail.verify_all() if whole else audit_trail.verify_newest()
    finding.add(problems)
    finding.seconds = time.monotonic() - begun
    return finding

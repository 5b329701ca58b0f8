"""Check the invariants of the whole database: small reads one after the other, without locks or writes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from provider.infrastructure import clock
from provider.infrastructure.database import db, reading
from provider.inspection import audit_trail, history
from provider.inspection.batches import Walked, batches, between
from provider.inspection.invariants import INVARIANTS, Invariant

# Small enough that the rows they refer to are found by key, never by a scan of a whole table.
BATCH = 1000
_EXAMPLES = 20


@dataclass(slots=True)
class Finding:
    """The state of one invariant: how many rows were checked, how many are wrong, and examples."""

    name: str
    sentence: str
    examined: int = 0
    wrong: int = 0
    examples: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, wrong: Sequence[object]) -> None:
        """Add the violations found in one batch."""
        self.wrong += len(wrong)
        self.examples += [str(one) for one in wrong[: _EXAMPLES - len(self.examples)]]


def check(*, whole_audit: bool = False, batch: int = BATCH) -> list[Finding]:
    """Check everything; of the audit's chain only the ends, unless `whole_audit` is set."""
    findings: list[Finding] = []
    for table, invariants in groupby(INVARIANTS, key=lambda one: one.table):
        findings += _walk(table, list(invariants), batch)
    return [*findings, _unrecorded(), _chain(whole=whole_audit), _history()]


def _walk(table: Walked, invariants: list[Invariant], size: int) -> list[Finding]:
    findings = [Finding(one.name, one.sentence) for one in invariants]
    for batch in batches(table, size):
        for invariant, finding in zip(invariants, findings, strict=True):
            begun = time.monotonic()
            # One statement sees one instant, so concurrent writes cannot look like a contradiction.
            wrong = invariant.wrong(clock.now()).where(between(table, batch.after, batch.through))
            with reading():
                finding.add(db.session.scalars(wrong).all())
            finding.examined += batch.count
            finding.seconds += time.monotonic() - begun
    return findings


def _unrecorded() -> Finding:
    finding = Finding("logout_without_audit_entry", "A logout has no audit entry (INV-12).")
    begun = time.monotonic()
    for examined, missing in audit_trail.logouts_without_entry():
        finding.examined += examined
        finding.add(missing)
    finding.seconds = time.monotonic() - begun
    return finding


def _chain(*, whole: bool) -> Finding:
    part = "The audit" if whole else "The newest or the oldest part of the audit"
    finding = Finding("audit_chain", f"{part} is not as it was written (INV-12).")
    begun = time.monotonic()
    finding.examined, problems = audit_trail.verify_all() if whole else audit_trail.verify_newest()
    finding.add(problems)
    finding.seconds = time.monotonic() - begun
    return finding


def _history() -> Finding:
    finding = Finding("database_history", "The database may have lost data.", examined=1)
    begun = time.monotonic()
    found = history.judge(remember=False)
    finding.add([found.sentence] if found.sentence else [])
    finding.seconds = time.monotonic() - begun
    return finding

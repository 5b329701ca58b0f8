"""The statements of `curfew check`: queries alone, in batches, by indexes."""

import re

from sqlalchemy import text

from provider.infrastructure import clock
from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import new_id
from provider.inspection import check as checking
from provider.inspection import invariants
from provider.inspection.batches import between

# One row, and one for each app that has ever failed.
BY_INDEX = re.compile("INDEX|BITMAP")
SMALL = ("provider_state", "endpoint_health")


def test_it_writes_and_locks_nothing(app, statements):
    with statements() as seen:
        checking.check()

    assert seen
    assert all(statement.lstrip().upper().startswith("SELECT") for statement in seen)
    assert not any("FOR UPDATE" in statement.upper() for statement in seen)


def test_each_question_finds_its_rows_by_indexes(app):
    """The plan of a batch in the middle of a large table; a sequential scan there would be one per batch."""
    after, through = new_id(), new_id()
    if db.engine.dialect.name == "postgresql":
        db.session.execute(text("SET enable_seqscan = off"))
    for one in invariants.INVARIANTS:
        asked = one.wrong(clock.now()).where(between(one.table, after, through))
        sql = str(asked.compile(db.engine, compile_kwargs={"literal_binds": True}))
        explain = "EXPLAIN QUERY PLAN " if db.engine.dialect.name == "sqlite" else "EXPLAIN "
        plan = [str(row) for row in db.session.execute(text(explain + sql.replace(":", r"\:")))]
        # A bitmap comes from an index too; which of both is taken depends on what earlier tests left there.
        scans = [line for line in plan if "SCAN" in line.upper() and not BY_INDEX.search(line.upper())]
        large = [line for line in scans if not any(small in line for small in SMALL)]
        assert large == [], (one.name, plan)
    db.session.rollback()

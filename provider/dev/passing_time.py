"""Let time pass: everything that the provider has stored becomes older by so much.

The clock itself stays that of the machine, so that apps, whose clocks are not turned, accept the tokens that
are issued and sent afterwards (DEC-20).
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, String, Table, func, literal, update

from provider.audit.models import AuditEvent
from provider.infrastructure.database import Base, UTCDateTime, change, transaction
from provider.worker.duties import advance_keys, expire_sessions

LONGEST = timedelta(days=400)
# Seconds are counted by SQLite; behind them stands the fraction, which it would cut.
_WHOLE_SECONDS = "%Y-%m-%d %H:%M:%S"
_FRACTION_AT = 20


def let_pass(span: timedelta) -> None:
    """Make everything older by whole seconds, and end what has expired by that."""
    with transaction():
        for table in Base.metadata.sorted_tables:
            # Its entries are proven by a chain, which holds their instants too.
            if table is not AuditEvent.__table__:
                _make_older(table, int(span.total_seconds()))
    advance_keys()
    expire_sessions()


def _make_older(table: Table, seconds: int) -> None:
    older = {
        column.name: _seconds_before(column, seconds).concat(func.substr(column, _FRACTION_AT))
        for column in table.columns
        if isinstance(column.type, UTCDateTime)
    }
    if older:
        change(update(table).values(older))


def _seconds_before(column: Column[Any], seconds: int) -> ColumnElement[str]:
    return func.strftime(_WHOLE_SECONDS, column, literal(f"-{seconds} seconds"), type_=String())

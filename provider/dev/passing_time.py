"""Let time pass: everything that the provider has stored becomes older by a span.

The clock stays that of the machine. Apps share that clock, so they still accept the tokens that are issued
and sent afterwards (DEC-20).
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, String, Table, func, literal, update

from provider.audit.models import AuditEvent
from provider.infrastructure.database import Base, UTCDateTime, change, transaction
from provider.worker.duties import advance_keys, expire_sessions

LONGEST = timedelta(days=400)
# SQLite shifts whole seconds and would drop the fraction, which is therefore appended again.
_WHOLE_SECONDS = "%Y-%m-%d %H:%M:%S"
_FRACTION_AT = 20


def let_pass(span: timedelta) -> None:
    """Make everything older by whole seconds, and end what has expired as a result."""
    with transaction():
        for table in Base.metadata.sorted_tables:
            # The chain proves the audit entries including their instants, so these cannot be changed.
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

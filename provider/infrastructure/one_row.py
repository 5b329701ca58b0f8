"""Statements about one row over a table, built once: for what most requests do.

A flush, or a statement that is built for each row, finds out anew what can be known of its table, and takes
longer than the database needs for it.
"""

from functools import cache

from sqlalchemy import Delete, Insert, Update, insert

from provider.infrastructure.database import Base, db


def change_by(statement: Update | Delete, **values: object) -> int:
    """Run a conditional statement with these values; returns how many rows it met, the truth of a claim."""
    return db.session.connection().execute(statement, values).rowcount


def insert_row(row: Base) -> None:
    """Insert a row at once, as it is; the session does not look after it.

    For tables to which most requests add: a flush finds out for each row what can be known of its table.
    """
    kind = type(row)
    values = {column.key: getattr(row, column.key) for column in kind.__table__.columns}
    db.session.connection().execute(_insert_into(kind), values)


@cache
def _insert_into(kind: type[Base]) -> Insert:
    return insert(Base.metadata.tables[kind.__tablename__])

"""Counts how often the provider waits for PostgreSQL, by the messages of its protocol."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
from sqlalchemy import event

from provider.infrastructure.database import db

# The server ends each of its responses by it, so that the driver stops waiting.
_END_OF_ANSWER = b"ReadyForQuery"


def fewest_round_trips(act: Callable[[], object], *idle: psycopg.Connection, tries: int = 6) -> int:
    """Return how many an act costs: the fewest of several tries.

    Clocks are compared now and then, and the driver prepares a statement when it meets it for the fifth time.
    """
    return min(count_round_trips(act, *idle) for _ in range(tries))


def count_round_trips(act: Callable[[], object], *idle: psycopg.Connection) -> int:
    """Return how many an act costs; those that test a connection before its use only for the `idle` ones."""
    with tempfile.TemporaryFile() as file:
        with _traced_to(file.fileno(), idle):
            act()
        file.seek(0)
        return file.read().count(_END_OF_ANSWER)


@contextmanager
def _traced_to(descriptor: int, idle: tuple[psycopg.Connection, ...]) -> Iterator[None]:
    """Have the driver write down the messages of all connections that are used."""
    traced: list[psycopg.Connection] = []

    def trace(connection, _record, _fairy) -> None:
        if connection not in traced:
            connection.pgconn.trace(os.dup(descriptor))
            traced.append(connection)

    for connection in idle:
        trace(connection, None, None)
    event.listen(db.engine, "checkout", trace)
    try:
        yield
    finally:
        event.remove(db.engine, "checkout", trace)
        for connection in traced:
            # A connection that was closed meanwhile is not traced any more.
            with suppress(psycopg.OperationalError):
                connection.pgconn.untrace()

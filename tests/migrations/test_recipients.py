"""Deliveries and endpoints of before, once recipients need not be clients."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from provider.infrastructure import schema
from tests.migrations.test_general_deliveries import a_delivery_of, attempts, indexes
from tests.migrations.test_logout_token_names import Rows, a_logout, tables_of

pytestmark = pytest.mark.lengthy

BEFORE, AFTER = "0039", "0042"


@pytest.fixture
def rows(engine_at: Callable[[str], Engine]) -> Rows:
    return Rows(engine_at(BEFORE))


def health(rows: Rows) -> list[dict[str, Any]]:
    with rows.engine.connect() as connection:
        found = connection.execute(sa.text("SELECT * FROM endpoint_health ORDER BY trips"))
        return [dict(row) for row in found.mappings()]


def reflected(rows: Rows) -> Rows:
    """The same, with the tables as they are now."""
    rows.tables = tables_of(rows.engine)
    return rows


def fails(rows: Rows, key: UUID, trips: int, **values: Any) -> None:
    table = reflected(rows).tables.tables["endpoint_health"]
    counts = {"consecutive_failures": 4, "window_attempts": 5, "window_failures": 6, "refusals": 1}
    of_endpoint = {"client_id": rows.as_stored(key), "state": "open", "trips": trips, **counts, **values}
    with rows.engine.begin() as connection:
        connection.execute(table.insert().values(of_endpoint))


def test_what_waits_and_the_health_of_endpoints_stays(rows: Rows) -> None:
    of = a_logout(rows)
    waits = a_delivery_of(rows, of, "one", attempt_count=1)
    a_delivery_of(rows, of, "two", state="accepted", attempt_count=1)
    rows.add("delivery_attempt", delivery_id=waits, number=1)
    fails(rows, of["client_id"], 3)
    owed, tried, indexed, known = rows.deliveries(), attempts(rows), indexes(rows), health(rows)

    schema.upgrade(rows.engine, AFTER)

    assert (rows.deliveries(), attempts(rows)) == (owed, tried)
    assert indexes(rows) > indexed
    assert health(rows) == [row | {"kind": "backchannel_logout"} for row in known]

    schema.downgrade(rows.engine, BEFORE)

    assert (rows.deliveries(), attempts(rows), indexes(rows)) == (owed, tried, indexed)
    assert health(rows) == known


def test_recipients_that_are_no_clients_are_kept_until_the_way_down(rows: Rows) -> None:
    of = a_logout(rows)
    a_delivery_of(rows, of, "one")
    schema.upgrade(rows.engine, AFTER)
    reflected(rows)
    other = a_delivery_of(rows, of | {"client_id": uuid4()}, "two", kind="weather")
    rows.add("delivery_attempt", delivery_id=other, number=1)
    fails(rows, of["client_id"], 1)
    fails(rows, of["client_id"], 2, kind="weather")
    with pytest.raises(IntegrityError):
        fails(rows, of["client_id"], 3, kind="weather")

    schema.downgrade(rows.engine, BEFORE)

    assert [row["subject_key"] for row in rows.deliveries()] == ["sid:one"]
    assert attempts(rows) == []
    assert [row["trips"] for row in health(rows)] == [1]
    with pytest.raises(IntegrityError):
        fails(rows, uuid4(), 4)


def test_the_previous_release_notes_the_health_of_a_client_without_a_kind(rows: Rows) -> None:
    of = a_logout(rows)
    schema.upgrade(rows.engine, AFTER)
    made = sa.text(
        "INSERT INTO endpoint_health (client_id, state, trips, consecutive_failures, refusals,"
        " window_attempts, window_failures) VALUES (:key, 'closed', 0, 0, 0, 0, 0) ON CONFLICT DO NOTHING"
    )
    with rows.engine.begin() as connection:
        for _ in range(2):
            connection.execute(made, {"key": rows.as_stored(of["client_id"])})

    assert [row["kind"] for row in health(rows)] == ["backchannel_logout"]

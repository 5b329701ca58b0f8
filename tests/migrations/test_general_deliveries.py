"""Deliveries of before, once a delivery can be about anything."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from provider.infrastructure import schema
from tests.migrations.test_logout_token_names import Rows, a_delivery, a_logout, tables_of

BEFORE, AFTER = "0026", "0028"


@pytest.fixture
def rows(engine_at: Callable[[str], Engine]) -> Rows:
    return Rows(engine_at(BEFORE))


def a_delivery_of(rows: Rows, of: dict[str, UUID], sid: str, **values: Any) -> UUID:
    named = {"kind": "backchannel_logout", "subject_key": f"sid:{sid}", "sid": sid}
    return a_delivery(rows, of, **(named | values))


def attempts(rows: Rows) -> list[dict[str, Any]]:
    with rows.engine.connect() as connection:
        found = connection.execute(sa.text("SELECT * FROM delivery_attempt ORDER BY number"))
        return [dict(row) for row in found.mappings()]


def indexes(rows: Rows) -> set[str]:
    """Describe each index of the table in a line."""
    found = sa.inspect(rows.engine).get_indexes("delivery")
    return {
        f"{one['name']} {one['column_names']} {one['unique']} "
        f"{[str(value) for name, value in one['dialect_options'].items() if name.endswith('where')]}"
        for one in found
    }


def owe_another_kind(rows: Rows, client_id: UUID, subject_key: str) -> UUID:
    """Owe something that is neither about a person nor because of a logout."""
    rows.tables = tables_of(rows.engine)
    of = {"client_id": client_id, "kind": "weather", "subject_key": subject_key}
    return rows.add("delivery", **of, state="pending", about={"sky": "blue"})


def test_what_waits_and_what_is_history_stays_with_its_attempts(rows: Rows) -> None:
    of = a_logout(rows)
    waits = a_delivery_of(rows, of, "one", attempt_count=2)
    a_delivery_of(rows, of, "two", state="accepted", attempt_count=1)
    for number in (1, 2):
        rows.add("delivery_attempt", delivery_id=waits, number=number)
    before, tried, indexed = rows.deliveries(), attempts(rows), indexes(rows)

    schema.upgrade(rows.engine, AFTER)

    assert rows.deliveries() == [row | {"about": None} for row in before]
    assert attempts(rows) == tried
    assert indexes(rows) > indexed

    schema.downgrade(rows.engine, BEFORE)

    assert rows.deliveries() == before
    assert attempts(rows) == tried
    assert indexes(rows) == indexed


def test_what_the_older_release_cannot_send_is_gone_on_the_way_down(rows: Rows) -> None:
    of = a_logout(rows)
    a_delivery_of(rows, of, "one")
    schema.upgrade(rows.engine, AFTER)
    other = owe_another_kind(rows, of["client_id"], "today")
    rows.add("delivery_attempt", delivery_id=other, number=1)

    schema.downgrade(rows.engine, BEFORE)

    assert [row["sid"] for row in rows.deliveries()] == ["one"]
    assert attempts(rows) == []


def test_what_has_no_cause_is_owed_once_for_each_kind(rows: Rows) -> None:
    client_id = rows.add("client", client_id="red")
    schema.upgrade(rows.engine, AFTER)
    owe_another_kind(rows, client_id, "today")
    owe_another_kind(rows, client_id, "tomorrow")

    with pytest.raises(IntegrityError):
        owe_another_kind(rows, client_id, "today")

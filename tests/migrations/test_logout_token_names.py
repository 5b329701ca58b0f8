"""Deliveries with `sub` alone that are pending when Logout Tokens begin to name the client session."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from provider.infrastructure import schema

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
BEFORE = "0012"


# The tables that have been reflected, by the kind of database and its revision.
_reflected: dict[tuple[str, str | None], sa.MetaData] = {}


def tables_of(engine: Engine) -> sa.MetaData:
    """Return the tables as they are now; the tests of a revision share them, since reflecting takes long."""
    where = (engine.dialect.name, schema.current_revision(engine))
    if where not in _reflected:
        _reflected[where] = sa.MetaData()
        _reflected[where].reflect(engine)
    return _reflected[where]


class Rows:
    """Rows as the previous release wrote them; what a test does not name is filled in."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.tables = tables_of(engine)
        # SQLite keeps identifiers as text, which reflection cannot tell from other text.
        self.as_stored = (lambda key: key) if engine.dialect.name == "postgresql" else (lambda key: key.hex)

    def add(self, name: str, **values: Any) -> UUID:
        table, key = self.tables.tables[name], uuid4()
        row = {"id": key, **values}
        for column in table.columns:
            if column.name not in row and not column.nullable and column.server_default is None:
                row[column.name] = self._filler(column)
        stored = {name: self.as_stored(v) if isinstance(v, UUID) else v for name, v in row.items()}
        with self.engine.begin() as connection:
            connection.execute(table.insert().values(stored))
        return key

    def _filler(self, column: sa.Column[Any]) -> Any:
        kind = column.type
        if isinstance(kind, sa.JSON):
            return {}
        if isinstance(kind, sa.Uuid):
            return uuid4()
        fillers: dict[type, Any] = {int: 0, bool: False, datetime: AT, str: uuid4().hex[:16]}
        return fillers[kind.python_type]

    def deliveries(self) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            rows = connection.execute(sa.text("SELECT * FROM delivery ORDER BY attempt_count DESC, sid"))
            return [dict(row) for row in rows.mappings()]


@pytest.fixture
def rows(engine_at: Callable[[str], Engine]) -> Rows:
    return Rows(engine_at(BEFORE))


def a_logout(rows: Rows) -> dict[str, UUID]:
    """Ada was signed out at red."""
    ada, red = rows.add("account", sub="ada"), rows.add("client", client_id="red")
    return {"account_id": ada, "client_id": red, "logout_id": rows.add("logout", account_id=ada)}


def a_client_session(rows: Rows, of: dict[str, UUID], sid: str, *, ended: bool, at: datetime = AT) -> UUID:
    session = rows.add("session", account_id=of["account_id"])
    by = {"logout_id": of["logout_id"]} if ended else {}
    ended_at = AT if ended else None
    grant = rows.add(
        "grant",
        account_id=of["account_id"],
        client_id=of["client_id"],
        sid=sid,
        revoked_at=ended_at,
        **by,
    )
    return rows.add(
        "client_session",
        session_id=session,
        client_id=of["client_id"],
        grant_id=grant,
        sid=sid,
        created_at=at,
        ended_at=ended_at,
        **by,
    )


def a_delivery(rows: Rows, of: dict[str, UUID], **values: Any) -> UUID:
    usual = {"sub": "ada-at-red", "subject_key": f"sub:{of['client_id']}", "state": "pending"}
    return rows.add("delivery", **of, **(usual | values))


def test_a_pending_delivery_is_split_into_one_for_each_client_session(rows: Rows) -> None:
    of = a_logout(rows)
    client_sessions = {sid: a_client_session(rows, of, sid, ended=True) for sid in ("one", "two")}
    rows.add("grant", account_id=of["account_id"], client_id=of["client_id"], sid="away", **_by(of))
    a_client_session(rows, of, "lives", ended=False)
    a_delivery(rows, of, attempt_count=3, last_outcome="unavailable", last_status=503)

    schema.upgrade(rows.engine, "0013")

    first, *others = rows.deliveries()
    assert {row["sid"] for row in (first, *others)} == {"one", "two", "away"}
    keys = {row["sid"]: row["subject_key"] for row in (first, *others)}
    assert {sid: keys[sid] for sid in client_sessions} == {
        sid: f"sid:{key}" for sid, key in client_sessions.items()
    }
    assert (first["attempt_count"], first["last_status"]) == (3, 503)
    assert [(row["attempt_count"], row["last_status"], row["state"]) for row in others] == [
        (0, None, "pending"),
        (0, None, "pending"),
    ]
    assert {row["sub"] for row in others} == {"ada-at-red"}


def test_what_is_finished_or_names_its_sid_stays(rows: Rows) -> None:
    of = a_logout(rows)
    client_session = a_client_session(rows, of, "one", ended=True)
    a_delivery(rows, of, state="accepted", attempt_count=1)
    a_delivery(rows, of, sid="one", subject_key=f"sid:{client_session}")
    before = rows.deliveries()

    schema.upgrade(rows.engine, "0013")

    assert rows.deliveries() == before


@pytest.mark.parametrize(
    ("came_back", "state"),
    [
        pytest.param(True, "superseded", id="a newer session supersedes"),
        pytest.param(False, "expired", id="without one it has expired"),
    ],
)
def test_what_was_only_late_has_expired(rows: Rows, came_back: bool, state: str) -> None:
    of = a_logout(rows)
    a_client_session(rows, of, "one", ended=True, at=AT - timedelta(hours=1))
    if came_back:
        a_client_session(rows, of, "newer", ended=False, at=AT + timedelta(hours=1))
    a_delivery(rows, of, state="superseded", created_at=AT)

    schema.upgrade(rows.engine, "0013")

    assert [row["state"] for row in rows.deliveries()] == [state]


def _by(of: dict[str, UUID]) -> dict[str, Any]:
    return {"logout_id": of["logout_id"], "revoked_at": AT, "offline": True}

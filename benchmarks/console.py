"""Measure the lists and searches of the console and the admin API with a million rows of each kind.

    python -m benchmarks.console --rows 1000000

Copies single rows of a small provider on PostgreSQL, then opens each page seven times as an administrator
and prints the best: the whole page, what of it was SQL, and the slowest statement; and the least CPU that the
page took, in the provider and in PostgreSQL, which other work on the machine does not lengthen.
"""

import argparse
import base64
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, text

from benchmarks.databases import databases
from provider.admin_api.operation import ROOT
from provider.clients import register
from provider.config import Settings
from provider.infrastructure.database import db, transaction
from provider.protocol.client_registration import read_registration
from provider.protocol.permissions import Permission
from tests.console.conftest import sign_in
from tests.support import busy_day, signing_keys
from tests.support.applications import opened
from tests.support.databases import migrate

KEY = "YmVuY2htYXJrcy1iZW5jaG1hcmtzLWJlbmNobWFya3M"
CLIENTS = 10_000
# The identifier of row i: it sorts by time, and is the same in every table that refers to the row.
_ID = (
    "(lpad(to_hex(:epoch - :rows + i), 12, '0') || '7' || substr(md5(i || '{0}'), 1, 3) || '8' || "
    "substr(md5(i || '{0}'), 4, 15))::uuid"
)
_AT = "now() - (:rows - i) * interval '80 milliseconds'"
_PERSON = _ID.format("account")
# The row of each table to copy, and the columns that differ in the copies.
_COPIES = {
    "account": (
        "username = 'ben'",
        {"id": _PERSON, "sub": "md5('s' || i)", "username": "'user' || i"}
        | {"folded_username": "substr(md5(i::text), 1, 6) || i"},
    ),
    "session": (
        "ended_at IS NULL",
        {"id": _ID.format("session"), "handle_digest": "md5('a' || i) || md5('b' || i)"}
        | {"account_id": _PERSON, "created_at": _AT},
    ),
    "grant": (
        "NOT offline AND client_id = (SELECT id FROM client WHERE client_id = 'green')",
        {"id": _ID.format("grant"), "account_id": _PERSON, "sid": "md5('g' || i)", "created_at": _AT}
        | {"expires_at": "now() + interval '180 days'", "revoked_at": "NULL", "offline": "i % 10000 = 0"},
    ),
    "client_session": (
        "ended_at IS NULL AND client_id = (SELECT id FROM client WHERE client_id = 'green')",
        {"id": _ID.format("share"), "session_id": _ID.format("session"), "grant_id": _ID.format("grant")}
        | {"sid": "md5('d' || i)", "created_at": _AT, "last_used_at": _AT},
    ),
    "logout": (
        "reason = 'user'",
        {"id": _ID.format("logout"), "at": _AT, "account_id": _PERSON}
        | {"result_digest": "md5('c' || i) || md5('d' || i)"}
        | {"reason": "CASE WHEN i % 1000 = 0 THEN 'admin' ELSE 'user' END"},
    ),
    "delivery": (
        "state = 'accepted'",
        {"id": _ID.format("delivery"), "logout_id": _ID.format("logout"), "subject_key": "'sid:' || i"}
        | {"created_at": _AT, "state": "CASE WHEN i % 1000 = 0 THEN 'expired' ELSE 'accepted' END"},
    ),
    "audit_event": (
        "client_id IS NOT NULL",
        {"id": _ID.format("audit"), "at": _AT, "seq": "1000000 + i", "account_id": _PERSON}
        | {"tag": "CASE WHEN i % 5000 = 0 THEN 'client_updated' ELSE 'logout' END"},
    ),
    "client": (
        "client_id = 'green'",
        {"id": _ID.format("client"), "client_id": "'app-' || i"}
        | {"search_text": "'app-' || i || ' the green app'"},
    ),
}


@dataclass(frozen=True)
class Took:
    """The milliseconds of a page, of its SQL, of the slowest statement, and on a processor."""

    page: float
    sql: float
    slowest: float
    cpu: float


def main() -> None:
    """Fill a database, and time the pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with databases("postgresql") as made, TemporaryDirectory() as folder:
        url = made.make("console")
        migrate(url)
        settings = Settings(
            database_url=url, data_dir=Path(folder), secret_key=KEY, argon2_memory=1024, argon2_passes=1
        )
        with opened(settings) as app:
            with transaction():
                signing_keys.provide()
            busy_day.make()
            fill(rows)
            http = app.test_client()
            sign_in(http, "cleo")
            token = service_token(app)
            for address in list(addresses()):
                taken = [take(http, address, token) for _ in range(7)]
                best = min(taken, key=lambda took: took.page)
                numbers = f"{best.page:6.0f} ms, SQL {best.sql:5.0f} ms, slowest {best.slowest:5.0f} ms"
                print(f"{numbers}, CPU {min(took.cpu for took in taken):4.0f} ms  {address}", flush=True)


def fill(rows: int) -> None:
    """Copy one row of each table many times."""
    epoch = time.time_ns() // 1_000_000
    for table, (which, changes) in _COPIES.items():
        named = text("SELECT column_name FROM information_schema.columns WHERE table_name = :table")
        columns = list(db.session.scalars(named, {"table": table}))
        names = ", ".join(f'"{column}"' for column in columns)
        values = ", ".join(changes.get(column, f't."{column}"') for column in columns)
        source = f'(SELECT * FROM "{table}" WHERE {which} LIMIT 1) t'
        copy = f'INSERT INTO "{table}" ({names}) SELECT {values} FROM {source}, '
        with transaction():
            db.session.execute(text("SET LOCAL statement_timeout = 0"))
            # Skips a million foreign key checks.
            db.session.execute(text("SET LOCAL session_replication_role = replica"))
            count = CLIENTS if table == "client" else rows
            bound = {"rows": rows, "epoch": epoch, "count": count}
            db.session.execute(text(f"{copy} generate_series(1, :count) i"), bound)
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))


def service_token(app: Flask) -> str:
    """Return a token with which a service may read."""
    robot = {"grant_types": ["client_credentials"], "scope": " ".join(Permission), "response_types": []}
    metadata = read_registration(robot)
    with transaction():
        _, secret = register.add(metadata, client_id="robot")
    proof = base64.b64encode(f"robot:{secret}".encode()).decode()
    response = app.test_client().post(
        "/token", data={"grant_type": "client_credentials"}, headers={"Authorization": f"Basic {proof}"}
    )
    return str(response.get_json()["access_token"])


def addresses() -> Iterator[str]:
    """Yield pages of every list: its first, one in its middle and its last, and by what is rare."""
    person = db.session.execute(
        text("SELECT id, username, folded_username FROM account WHERE id = :id"),
        {"id": _places("account")[0]},
    ).one()
    db.session.commit()
    yield "/admin/overview"
    for address, table in _LISTS:
        sign = "&" if "?" in address else "?"
        yield address
        yield from (f"{address}{sign}after={place}" for place in _places(table))
    yield f"/admin/logouts?user={person.username}"
    yield "/admin/logouts?reason=admin"
    yield "/admin/logouts?reason=unknown_session"
    yield "/admin/logouts?by=nobody"
    yield "/admin/logouts?client=app-5000"
    yield f"/admin/logouts/{_places('logout')[0]}"
    yield "/admin/deliveries?state=expired"
    yield "/admin/deliveries?state=cancelled"
    yield "/admin/deliveries?client=blue"
    yield "/admin/deliveries?client=app-5000"
    yield "/admin/sessions?client=app-5000"
    yield f"/admin/deliveries/{_places('delivery')[0]}"
    yield f"/admin/sessions?user={person.username}"
    yield f"/admin/people?q={person.folded_username[:2]}"
    yield f"/admin/people?q={person.folded_username}"
    yield f"/admin/people?q={person.id}"
    yield "/admin/people?q=ada@example.test"
    yield f"/admin/people/{person.id}"
    yield f"/admin/people/{person.id}/everywhere"
    yield "/admin/clients?q=app-99"
    yield "/admin/clients?q=matches-none"
    yield f"/admin/clients/{_places('client')[0]}"
    yield f"/admin/audit?user={person.id}"
    yield "/admin/audit?tag=client_updated"
    yield "/admin/audit?tag=key_destroyed"
    yield "/admin/audit?client=green"
    yield "/admin/audit?client=app-5000"
    yield "/admin/audit?by=nobody"
    yield "/admin/slo"
    yield "/admin/slo/missed?why=late&window=30d"
    yield "/admin/slo/missed?why=unreachable&window=30d"
    yield "/admin/keys"
    yield f"{ROOT}/clients?q=app-99"
    yield f"{ROOT}/clients?q=matches-none"
    yield f"{ROOT}/people?q={person.folded_username[:2]}"
    yield f"{ROOT}/people?email=ada@example.test"
    yield f"{ROOT}/people?role=administrator"
    yield f"{ROOT}/people?enabled=false"
    yield f"{ROOT}/sessions?client_id=green"
    yield f"{ROOT}/sessions?person_id={person.id}"
    yield f"{ROOT}/grants?client_id=green"
    yield f"{ROOT}/grants?client_id=green&offline=true"
    yield f"{ROOT}/grants?client_id=app-5000"
    yield f"{ROOT}/logouts?client_id=app-5000"
    yield f"{ROOT}/people?role=viewer"
    yield f"{ROOT}/grants?person_id={person.id}"
    yield f"{ROOT}/deliveries?state=expired"
    yield f"{ROOT}/audit-events?event=client_updated"
    yield f"{ROOT}/feed?after={_places('audit_event')[0]}"
    for name in ("failing-endpoints", "service-tokens", "bulk-logouts", "resources", "initial-access-tokens"):
        yield f"{ROOT}/{name}"


# Lists that are read at their beginning, in their middle and at their end.
_LISTS = (
    ("/admin/logouts", "logout"),
    ("/admin/deliveries", "delivery"),
    ("/admin/sessions", "session"),
    ("/admin/sessions?ended=yes", "session"),
    ("/admin/sessions?client=green", "client_session"),
    ("/admin/people", "account"),
    ("/admin/clients", "client"),
    ("/admin/audit", "audit_event"),
    (f"{ROOT}/logouts", "logout"),
    (f"{ROOT}/deliveries", "delivery"),
    (f"{ROOT}/sessions", "session"),
    (f"{ROOT}/grants", "grant"),
    (f"{ROOT}/people", "account"),
    (f"{ROOT}/clients", "client"),
    (f"{ROOT}/audit-events", "audit_event"),
)


@cache
def _places(table: str) -> tuple[object, object]:
    """Return a row in the middle of a table, and one shortly before the end of its list."""
    count = db.session.scalar(text(f'SELECT count(*) FROM "{table}"')) or 0
    # The newest come first, except for clients and people.
    found = text(f'SELECT id FROM "{table}" ORDER BY id OFFSET :places LIMIT 1')
    last = count - 20 if table in ("client", "account") else 20
    return db.session.scalar(found, {"places": count // 2}), db.session.scalar(found, {"places": last})


def take(http: FlaskClient, address: str, token: str) -> Took:
    """Open a page once, or call the API with a token."""
    headers = {"Authorization": f"Bearer {token}"} if address.startswith(ROOT) else {}
    began: list[float] = []
    spans: list[float] = []

    def before(*_: object) -> None:
        began.append(time.perf_counter())

    def after(*_: object) -> None:
        spans.append(time.perf_counter() - began[-1])

    event.listen(db.engine, "before_cursor_execute", before)
    event.listen(db.engine, "after_cursor_execute", after)
    busy, start = cpu_spent(), time.perf_counter()
    response = http.get(address, headers=headers)
    whole = time.perf_counter() - start
    event.remove(db.engine, "before_cursor_execute", before)
    event.remove(db.engine, "after_cursor_execute", after)
    db.session.remove()
    busy = cpu_spent() - busy
    if response.status_code != 200:
        raise RuntimeError(f"{address} was answered with {response.status_code}")
    return Took(whole * 1000, sum(spans) * 1000, max(spans) * 1000, busy * 1000)


def cpu_spent() -> float:
    """Return the seconds that this process and its connections' have spent on a processor."""
    connected = text(
        "SELECT pid FROM pg_stat_activity "
        "WHERE datname = current_database() AND backend_type = 'client backend'"
    )
    pids = db.session.scalars(connected).all()
    db.session.remove()
    spent = (Path(f"/proc/{pid}/schedstat").read_text().split()[0] for pid in pids)
    return time.process_time() + sum(map(int, spent)) / 1e9


if __name__ == "__main__":
    main()

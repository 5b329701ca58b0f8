"""Fill a database with people, their sessions, and what hangs on them, as fast as it takes the rows.

    python -m benchmarks.seed_sessions --url postgresql+psycopg://… --sessions 1000000

Every person has five sessions, and every session a client session at one client, with a grant, an access
token and a refresh token. The handles that a holder would know are derived from the session's number
(`handle_of`).
"""

import argparse
import itertools
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, create_engine, insert, text

import provider.models  # noqa: F401 – fills the metadata.
from provider.infrastructure import schema
from provider.infrastructure.database import Base
from provider.infrastructure.engine import prepare_engine
from provider.infrastructure.opaque_tokens import digest_of
from provider.protocol.client_registration import read_registration

SESSIONS_OF_A_PERSON = 5
_NAMED = ("red", "green", "blue")
CLIENTS = len(_NAMED)
TABLES = ("account", "session", "grant", "client_session", "access_token", "refresh_token")
_AT_ONCE = 20_000


def client_id_of(number: int, clients: int = CLIENTS) -> str:
    """Return the client_id of a session's client; sessions are spread over this many clients."""
    one = number % clients
    return _NAMED[one] if one < len(_NAMED) else f"client-{one}"


def handle_of(kind: str, number: int) -> str:
    """Return the handle that the holder of a session's cookie or tokens has."""
    prefix = {"session": "", "access_token": "cfa_", "refresh_token": "cfr_"}[kind]
    # As long as a real handle.
    return prefix + f"seed-{kind}-{number:09d}".ljust(43, "-")


def id_of(table: str, number: int) -> UUID:
    """Return a row's identifier: it sorts like the numbers, as those of UUID version 7 sort by time."""
    kind = (*TABLES, "client").index(table)
    # The random part is scattered, as it is in real life.
    scatter = int(digest_of(f"{table}-{number}")[:15], 16)
    return UUID(int=(0x0190_0000_0000 + number) << 80 | 0x7 << 76 | kind << 68 | 0x2 << 62 | scatter)


def sid_of(number: int) -> str:
    """Return the sid of a session's client session."""
    return f"seed-sid-{number:09d}"


def sub_of(account: int) -> str:
    """Return the subject identifier of a person at every client."""
    return f"seed-sub-{account:09d}"


def seed(engine: Engine, sessions: int, secret_digest: str | None = None, *, clients: int = CLIENTS) -> None:
    """Migrate an empty database and fill it."""
    schema.upgrade(engine)
    now = datetime.now(UTC)
    with engine.begin() as connection:
        connection.execute(
            insert(Base.metadata.tables["client"]), list(_clients(now, secret_digest, clients))
        )
    for table, rows in _rows(now, sessions, clients).items():
        _load(engine, table, rows)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE" if engine.dialect.name == "sqlite" else "VACUUM ANALYZE"))


def _clients(now: datetime, secret_digest: str | None, clients: int) -> Iterator[dict[str, Any]]:
    for number in range(clients):
        name = client_id_of(number, clients)
        origin = f"https://{name}.test"
        registered = {
            "client_name": name.title(),
            "redirect_uris": [f"{origin}/callback"],
            "post_logout_redirect_uris": [f"{origin}/signed-out"],
            "backchannel_logout_uri": f"{origin}/backchannel-logout",
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": "openid profile email offline_access",
        }
        yield {
            "id": id_of("client", number),
            "client_id": name,
            "registered": read_registration(registered).to_wire(),
            "secret_digest": secret_digest,
            "first_party": True,
            "epoch": 0,
            "created_at": now,
            "updated_at": now,
        }


def _rows(now: datetime, sessions: int, clients: int) -> Mapping[str, Iterable[dict[str, Any]]]:
    people = range((sessions + SESSIONS_OF_A_PERSON - 1) // SESSIONS_OF_A_PERSON)
    numbers = range(sessions)
    began = now - timedelta(hours=1)
    epochs = {"account_epoch": 0, "provider_epoch": 0}
    later, much_later = now + timedelta(hours=23), now + timedelta(days=180)

    def hung_on(number: int) -> dict[str, Any]:
        return {
            "grant_id": id_of("grant", number),
            "client_session_id": id_of("client_session", number),
            "client_id": id_of("client", number % clients),
            "family_id": id_of("refresh_token", number),
            "scope": "openid profile",
            "created_at": began,
            "expires_at": later,
        }

    return {
        "account": (
            {
                "id": id_of("account", one),
                "sub": sub_of(one),
                "username": f"seed{one}",
                "folded_username": f"seed{one}",
                "claims": "{}",
                "epoch": 0,
                "created_at": began,
                "updated_at": began,
            }
            for one in people
        ),
        "session": (
            {
                "id": id_of("session", number),
                "handle_digest": digest_of(handle_of("session", number)),
                "account_id": id_of("account", number // SESSIONS_OF_A_PERSON),
                "created_at": began + timedelta(microseconds=number),
                "authenticated_at": began,
                "amr": "pwd",
                "last_seen_at": began,
                "expires_at": later,
                "ends_at": later + timedelta(microseconds=number),
                "device": "Firefox on Linux",
                "ip": "192.0.2.1",
            }
            | epochs
            for number in numbers
        ),
        "grant": (
            {
                "id": id_of("grant", number),
                "account_id": id_of("account", number // SESSIONS_OF_A_PERSON),
                "client_id": id_of("client", number % clients),
                "sub": sub_of(number // SESSIONS_OF_A_PERSON),
                "sid": sid_of(number),
                "scope": "openid profile",
                "consented": False,
                "offline": False,
                "created_at": began,
                "expires_at": much_later,
                "client_epoch": 0,
            }
            | epochs
            for number in numbers
        ),
        "client_session": (
            {
                "id": id_of("client_session", number),
                "sid": sid_of(number),
                "session_id": id_of("session", number),
                "client_id": id_of("client", number % clients),
                "grant_id": id_of("grant", number),
                "created_at": began,
                "last_used_at": began,
            }
            for number in numbers
        ),
        "access_token": (
            {
                "id": id_of("access_token", number),
                "digest": digest_of(handle_of("access_token", number)),
                "client_epoch": 0,
                "provider_epoch": 0,
            }
            | hung_on(number)
            for number in numbers
        ),
        "refresh_token": (
            {
                "id": id_of("refresh_token", number),
                "digest": digest_of(handle_of("refresh_token", number)),
                "generation": 0,
                "auth_time": began,
            }
            | hung_on(number)
            for number in numbers
        ),
    }


def _load(engine: Engine, table: str, rows: Iterable[dict[str, Any]]) -> None:
    """Copy the rows in without checking foreign keys: the referenced rows will all be there."""
    rows = iter(rows)
    first = next(rows)
    columns, values = list(first), (list(row.values()) for row in itertools.chain([first], rows))
    named = ", ".join(f'"{column}"' for column in columns)
    raw = engine.raw_connection()
    connection: Any = raw.driver_connection
    if engine.dialect.name == "sqlite":
        for pragma in ("foreign_keys=OFF", "synchronous=OFF", "cache_size=-600000"):
            connection.execute(f"PRAGMA {pragma}")
        marks = ", ".join("?" * len(columns))
        connection.execute("BEGIN")
        filling = f'INSERT INTO "{table}" ({named}) VALUES ({marks})'
        connection.executemany(filling, (list(map(_for_sqlite, row)) for row in values))
        connection.execute("COMMIT")
    else:
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            with cursor.copy(f'COPY "{table}" ({named}) FROM STDIN') as copy:
                for row in values:
                    copy.write_row(row)
            cursor.execute("SET session_replication_role = origin")
        connection.commit()
    raw.close()
    engine.dispose()


def _for_sqlite(value: Any) -> Any:
    match value:
        case UUID():
            return value.hex
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    return value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--url", required=True, help="SQLAlchemy URL of an empty database.")
    parser.add_argument("--sessions", type=int, default=1_000_000)
    given = parser.parse_args()
    engine = create_engine(given.url)
    prepare_engine(engine)
    started = time.monotonic()
    seed(engine, given.sessions)
    print(json.dumps({"sessions": given.sessions, "seconds": round(time.monotonic() - started, 1)}))


if __name__ == "__main__":
    main()

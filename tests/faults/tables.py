"""The product's account of itself: its tables, read by plain SQL into plain rows."""

from dataclasses import dataclass, field

from tests.faults.databases import Database, Row

FINAL = {"accepted", "expired", "cancelled", "superseded"}


@dataclass
class Tables:
    """The product's own account of itself, read by plain SQL."""

    clients: dict[str, Row]
    sessions: dict[str, Row]
    client_sessions: dict[str, Row]
    grants: dict[str, Row]
    logouts: dict[str, Row]
    deliveries: dict[str, Row]
    attempts: list[Row]
    audit: list[Row]
    keys: dict[str, Row]
    client_sessions_by_sid: dict[str, Row] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client_sessions_by_sid = {
            client_session["sid"]: client_session for client_session in self.client_sessions.values()
        }

    def client_named(self, client_id: str) -> Row:
        return next(row for row in self.clients.values() if row["client_id"] == client_id)


def read_tables(database: Database) -> Tables:
    """Read everything that the checker looks at."""

    def table(name: str) -> dict[str, Row]:
        return {row["id"]: row for row in database.rows(f'SELECT * FROM "{name}"')}

    return Tables(
        clients=table("client"),
        sessions=table("session"),
        client_sessions=table("client_session"),
        grants=table("grant"),
        logouts=table("logout"),
        deliveries=table("delivery"),
        attempts=list(table("delivery_attempt").values()),
        audit=list(table("audit_event").values()),
        keys=table("signing_key"),
    )


def dashed(identifier: str) -> str:
    i = identifier
    return f"{i[:8]}-{i[8:12]}-{i[12:16]}-{i[16:20]}-{i[20:]}"


def undashed(identifier: str) -> str:
    return identifier.replace("-", "")

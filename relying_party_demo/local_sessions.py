"""The app's own sessions, found by the browser's handle, by `sid` or by (`iss`, `sub`).

A row outlives its ending, so that the page can say why a session ended and a late answer finds it ended.
Ending a session takes its tokens away; only a refresh token with offline_access stays (backchannel §2.7).
"""

import hashlib
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from relying_party_demo import clock
from relying_party_demo.database import Database

LIFETIME = timedelta(hours=12)
ENDED_ROWS_KEPT = 1000
# The reason of a session that ended here while the provider's may live on.
LOCAL_ONLY = "signed out at this app only"
# The scope that lets an app end a person's sessions.
ACCOUNT = "account"

INSERT = """
INSERT INTO local_session (handle_digest, iss, sub, sid, name, email, scope, access_token, refresh_token,
    id_token, signed_in_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *
"""
# backchannel §2.7: refresh tokens without offline_access are revoked with the session; those with it are not.
END = """
UPDATE local_session SET ended_at = ?, end_reason = ?, access_token = NULL, id_token = NULL,
    refresh_token = CASE WHEN ' ' || scope || ' ' LIKE '% offline_access %' THEN refresh_token END
WHERE ended_at IS NULL AND
"""
REPLACE_TOKENS = """
UPDATE local_session SET access_token = ?, refresh_token = ?, id_token = coalesce(?, id_token), scope = ?
WHERE id = ? AND refresh_token = ?
"""
SELECT = "SELECT * FROM local_session WHERE"
# The conditions are constants of this file; values travel as parameters.
BY_ID = " id = ?"
BY_HANDLE = " handle_digest = ?"
BY_SID = " iss = ? AND sid = ?"
BY_SUB = " iss = ? AND sub = ?"
KEPT_OFFLINE = BY_SUB + " AND ended_at IS NOT NULL AND refresh_token IS NOT NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a token response brought."""

    access_token: str = field(repr=False)
    scope: str
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who signed in, as validated claims say."""

    iss: str
    sub: str
    sid: str | None = None
    name: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSession:
    """One browser's session at this app, live or ended."""

    id: int
    iss: str
    sub: str
    sid: str | None
    name: str | None
    email: str | None
    scope: str
    access_token: str | None = field(repr=False)
    refresh_token: str | None = field(repr=False)
    id_token: str | None = field(repr=False)
    signed_in_at: datetime
    ended_at: datetime | None
    end_reason: str | None

    @property
    def is_live(self) -> bool:
        """Whether the person is signed in with it."""
        return self.ended_at is None

    @property
    def keeps_offline_token(self) -> bool:
        """Whether a refresh token outlived the ending of this session."""
        return not self.is_live and self.refresh_token is not None


class LocalSessions:
    """The table of sessions; every method is one transaction, or part of the caller's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, handle: str, person: Person, tokens: Tokens) -> LocalSession:
        """Begin a session for the browser that will hold the handle."""
        with self._database.transaction() as connection:
            self._forget_oldest(connection)
            row = connection.execute(
                INSERT,
                (
                    *(digest(handle), person.iss, person.sub, person.sid, person.name, person.email),
                    *(tokens.scope, tokens.access_token, tokens.refresh_token, tokens.id_token),
                    clock.now().timestamp(),
                ),
            ).fetchone()
        return _session_from(row)

    def find_by_handle(self, handle: str) -> LocalSession | None:
        """The session of the browser that holds the handle, live or ended."""
        session = self._find_one(BY_HANDLE, digest(handle))
        if session and session.is_live and clock.now() - session.signed_in_at > LIFETIME:
            self.end(session.id, "expired at this app")
            return self._find_one(BY_ID, session.id)
        return session

    def find_by_sid(self, iss: str, sid: str) -> LocalSession | None:
        """The newest session the provider knows under this sid, live or ended."""
        return self._find_one(BY_SID, iss, sid)

    def list_kept_offline(self, iss: str, sub: str) -> list[LocalSession]:
        """Ended sessions of a person whose refresh token lives on."""
        return self._list(KEPT_OFFLINE, iss, sub)

    def end(self, session_id: int, reason: str) -> list[LocalSession]:
        """End one session; ending it twice is harmless."""
        return self._end(BY_ID, (session_id,), reason)

    def end_by_logout(self, iss: str, sub: str | None, sid: str | None, reason: str) -> list[LocalSession]:
        """End what a Logout Token names: one session by sid, or all sessions of a person."""
        if sid is not None:
            return self._end(BY_SID, (iss, sid), reason)
        return self._end(BY_SUB, (iss, sub), reason)

    def replace_tokens(self, session: LocalSession, tokens: Tokens) -> bool:
        """Store what a refresh brought, unless the session lost its refresh token meanwhile."""
        with self._database.transaction() as connection:
            changed = connection.execute(
                REPLACE_TOKENS,
                (
                    *(tokens.access_token, tokens.refresh_token, tokens.id_token, tokens.scope),
                    *(session.id, session.refresh_token),
                ),
            )
        return changed.rowcount == 1

    def drop_refresh_token(self, session: LocalSession) -> None:
        """Forget a refresh token that the provider has refused for good."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE local_session SET refresh_token = NULL WHERE id = ? AND refresh_token = ?",
                (session.id, session.refresh_token),
            )

    def _end(self, condition: str, values: tuple[object, ...], reason: str) -> list[LocalSession]:
        values = (clock.now().timestamp(), reason, *values)
        with self._database.transaction() as connection:
            rows = connection.execute(END + condition + " RETURNING *", values).fetchall()
        return [_session_from(row) for row in rows]

    def _find_one(self, condition: str, *values: object) -> LocalSession | None:
        found = self._list(condition, *values)
        return found[0] if found else None

    def _list(self, condition: str, *values: object) -> list[LocalSession]:
        statement = SELECT + condition + " ORDER BY id DESC LIMIT 100"
        with self._database.transaction() as connection:
            return [_session_from(row) for row in connection.execute(statement, values).fetchall()]

    @staticmethod
    def _forget_oldest(connection: sqlite3.Connection) -> None:
        connection.execute(
            "DELETE FROM local_session WHERE id IN (SELECT id FROM local_session WHERE ended_at IS NOT NULL"
            " ORDER BY id DESC LIMIT -1 OFFSET ?)",
            (ENDED_ROWS_KEPT,),
        )


def may_sign_out_everywhere(session: LocalSession | None) -> bool:
    """Whether the session's token is good for signing the person out everywhere."""
    return (
        session is not None
        and session.is_live
        and session.access_token is not None
        and ACCOUNT in session.scope.split()
    )


def digest(handle: str) -> str:
    """What is stored of a handle: a copy of the file signs nobody in."""
    return hashlib.sha256(handle.encode()).hexdigest()


def _session_from(row: sqlite3.Row) -> LocalSession:
    values = dict(row)
    del values["handle_digest"]
    for instant in ("signed_in_at", "ended_at"):
        if values[instant] is not None:
            values[instant] = datetime.fromtimestamp(values[instant], UTC)
    return LocalSession(**values)

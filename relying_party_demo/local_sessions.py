"""The local sessions of this app: the person, the tokens, and the reason once a session has ended.

The kit knows whether a session is live; a row outlives it, so that the page can say why it ended. Ending a
session deletes its tokens; only a refresh token with offline_access stays (backchannel §2.7).
"""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from curfew_rp.app_session import User
from relying_party_demo import clock
from relying_party_demo.database import Database

ENDED_ROWS_KEPT = 1000
# The reason for a session that ended here while the provider's session may continue.
LOCAL_ONLY = "signed out at this app only"
# The scope that lets an app end a person's sessions.
ACCOUNT = "account"

INSERT = """
INSERT INTO local_session (local_id, iss, sub, sid, name, email, scope, access_token, refresh_token,
    signed_in_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# backchannel §2.7: refresh tokens without offline_access are revoked with the session; those with it are not.
END = """
UPDATE local_session SET ended_at = ?, end_reason = ?, access_token = NULL,
    refresh_token = CASE WHEN ' ' || scope || ' ' LIKE '% offline_access %' THEN refresh_token END
WHERE ended_at IS NULL AND local_id = ? RETURNING *
"""
REPLACE_TOKENS = """
UPDATE local_session SET access_token = ?, refresh_token = ?, scope = ? WHERE id = ? AND refresh_token = ?
"""
KEPT_OFFLINE = """
SELECT * FROM local_session WHERE iss = ? AND sub = ? AND ended_at IS NOT NULL AND refresh_token IS NOT NULL
ORDER BY id DESC LIMIT 100
"""
FORGET_OLDEST = """
DELETE FROM local_session WHERE id IN (SELECT id FROM local_session WHERE ended_at IS NOT NULL
    ORDER BY id DESC LIMIT -1 OFFSET ?)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSession:
    """One browser's session at this app, live or ended."""

    id: int
    local_id: str
    iss: str
    sub: str
    sid: str | None
    name: str | None
    email: str | None
    scope: str
    access_token: str | None = field(repr=False)
    refresh_token: str | None = field(repr=False)
    signed_in_at: datetime
    ended_at: datetime | None
    end_reason: str | None

    @property
    def is_live(self) -> bool:
        """Whether the person is signed in with this session."""
        return self.ended_at is None

    @property
    def keeps_offline_token(self) -> bool:
        """Whether a refresh token outlived this session."""
        return not self.is_live and self.refresh_token is not None

    @property
    def may_sign_out_everywhere(self) -> bool:
        """Whether its access token allows signing the person out everywhere."""
        return self.is_live and self.access_token is not None and ACCOUNT in self.scope.split()


class LocalSessions:
    """The table of sessions; every method is one transaction, or part of the caller's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, user: User, token: Mapping[str, Any], scope: str) -> None:
        """Store a sign-in and its tokens."""
        row = (
            *(user.local_id, user.sign_in.iss, user.sign_in.sub, user.sign_in.sid),
            *(user.claims.get("name"), user.claims.get("email"), scope),
            *(token["access_token"], token.get("refresh_token"), clock.now().timestamp()),
        )
        with self._database.transaction() as connection:
            connection.execute(FORGET_OLDEST, (ENDED_ROWS_KEPT,))
            connection.execute(INSERT, row)

    def find(self, local_id: str) -> LocalSession | None:
        """Return the session with this id of the kit, live or ended."""
        with self._database.transaction() as connection:
            row = connection.execute("SELECT * FROM local_session WHERE local_id = ?", (local_id,)).fetchone()
        return _session_from(row) if row else None

    def list_kept_offline(self, iss: str, sub: str) -> list[LocalSession]:
        """Return the ended sessions of a person whose refresh tokens are still valid."""
        with self._database.transaction() as connection:
            return [_session_from(row) for row in connection.execute(KEPT_OFFLINE, (iss, sub)).fetchall()]

    def end(self, local_ids: Iterable[str], reason: str) -> list[LocalSession]:
        """End sessions, and return those that were live; ending one twice is harmless."""
        now = clock.now().timestamp()
        with self._database.transaction() as connection:
            ended = [connection.execute(END, (now, reason, local_id)).fetchone() for local_id in local_ids]
        return [_session_from(row) for row in ended if row]

    def replace_tokens(self, session: LocalSession, token: Mapping[str, Any]) -> bool:
        """Store the tokens of a refresh, unless the session has lost its refresh token in the meantime."""
        scope = str(token.get("scope") or session.scope)
        row = (token["access_token"], token["refresh_token"], scope, session.id, session.refresh_token)
        with self._database.transaction() as connection:
            return connection.execute(REPLACE_TOKENS, row).rowcount == 1

    def drop_refresh_token(self, session: LocalSession) -> None:
        """Forget a refresh token that the provider has refused for good."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE local_session SET refresh_token = NULL WHERE id = ? AND refresh_token = ?",
                (session.id, session.refresh_token),
            )


def _session_from(row: sqlite3.Row) -> LocalSession:
    values = dict(row)
    for instant in ("signed_in_at", "ended_at"):
        if values[instant] is not None:
            values[instant] = datetime.fromtimestamp(values[instant], UTC)
    return LocalSession(**values)

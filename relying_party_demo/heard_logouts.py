"""The memory of accepted Logout Tokens: no token counts twice, and no session begins after its own ending."""

from datetime import datetime, timedelta

from relying_party_demo import clock
from relying_party_demo.database import Database

# A sid is remembered longer than its token lives: the answer of a sign-in that was under way may be slow.
SHORTEST_MEMORY = timedelta(hours=1)
MEMORY_LIMIT = 10_000


class HeardLogouts:
    """Which (iss, jti) were accepted, and which sid they ended; bounded, and kept across restarts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def has_heard(self, iss: str, jti: str) -> bool:
        """Whether a token with this jti was accepted before (backchannel §2.6)."""
        with self._database.transaction() as connection:
            found = connection.execute("SELECT 1 FROM heard_logout WHERE iss = ? AND jti = ?", (iss, jti))
            return found.fetchone() is not None

    def has_ended(self, iss: str, sid: str) -> bool:
        """Whether the provider has lately said that this session is over."""
        with self._database.transaction() as connection:
            found = connection.execute("SELECT 1 FROM heard_logout WHERE iss = ? AND sid = ?", (iss, sid))
            return found.fetchone() is not None

    def remember(self, iss: str, jti: str, sid: str | None, refused_from: datetime) -> bool:
        """Claim a jti and believe the row count: of two equal tokens at the same moment one is the replay."""
        keep_until = max(refused_from, clock.now() + SHORTEST_MEMORY).timestamp()
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM heard_logout WHERE keep_until < ?", (clock.now().timestamp(),))
            # Only tokens with a good signature get here, so no stranger can reach the bound.
            connection.execute(
                "DELETE FROM heard_logout WHERE rowid IN"
                " (SELECT rowid FROM heard_logout ORDER BY keep_until DESC LIMIT -1 OFFSET ?)",
                (MEMORY_LIMIT - 1,),
            )
            claimed = connection.execute(
                "INSERT OR IGNORE INTO heard_logout (iss, jti, sid, keep_until) VALUES (?, ?, ?, ?)",
                (iss, jti, sid, keep_until),
            )
        return claimed.rowcount == 1

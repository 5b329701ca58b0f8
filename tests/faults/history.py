"""The events of a run, as those who were there saw them: the relying parties and the people.

Plain values without any knowledge of the product; the checker compares them with what it says of itself.
"""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(kw_only=True)
class Receipt:
    """One Logout Token as it arrived at a relying party, judged there and then."""

    rp: str
    at: datetime
    delivery: str
    attempt: int
    claims: dict[str, Any]
    kid: str
    # What the relying party found wrong with it, by a JOSE library of its own; empty for a valid one.
    problems: list[str]
    # The status that was sent back; None when no response was received.
    answered: int | None = None
    ended_at: datetime | None = None

    @property
    def is_valid(self) -> bool:
        return not self.problems

    @property
    def is_accepted(self) -> bool:
        return self.answered is not None and 200 <= self.answered < 300


@dataclass(kw_only=True)
class Tokens:
    """One relying party's copy of one session."""

    rp: str
    sid: str
    sub: str
    id_token: str = field(repr=False)
    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)


@dataclass(kw_only=True)
class Visit:
    """One session of one person, from the sign-in to the answered sign-out."""

    person: str
    began_at: datetime
    cookie: str = field(repr=False)
    client_sessions: dict[str, Tokens] = field(default_factory=dict)
    # What relying parties hold beside that with offline_access, which outlives the session.
    offline: dict[str, Tokens] = field(default_factory=dict)
    # From the first request for its end it is uncertain whether the session is live.
    end_asked_at: datetime | None = None
    # From the first response that confirms the end it is certainly dead.
    end_answered_at: datetime | None = None
    # How long the request took that was answered.
    end_seconds: float | None = None
    # Where the browser was sent.
    led_to: str | None = None


@dataclass(kw_only=True)
class Probe:
    """Something of an ended session was tried again, after the response that confirmed its end."""

    at: datetime
    person: str
    artefact: str
    worked: bool


@dataclass
class History:
    """Everything that was seen, by any number of threads."""

    receipts: list[Receipt] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    # What must appear in no log: passwords, cookies, tokens, codes.
    secrets: set[str] = field(default_factory=set)
    # What result pages showed to people: address of the page, app, state, and when.
    statements: list[tuple[str, str, str, datetime]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keep_secret(self, *values: str | None) -> None:
        with self.lock:
            self.secrets.update(value for value in values if value)

    def receipts_of(self, rp: str, sid: str | None = None) -> list[Receipt]:
        with self.lock:
            return [
                receipt
                for receipt in self.receipts
                if receipt.rp == rp and (sid is None or receipt.claims.get("sid") == sid)
            ]

"""The table of parked requests."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship, remote

from provider.infrastructure.database import Base, UTCDateTime, foreign_key
from provider.infrastructure.opaque_tokens import digest_of


class InteractionKind(StrEnum):
    """The kind of a parked request."""

    AUTHORIZATION = "authorization"
    END_SESSION = "end_session"
    # A page of the person's own account, which needs a signed-in person.
    ACCOUNT = "account"
    # The page that a browser opens after it has loaded the apps' front-channel pages.
    FRONTCHANNEL = "frontchannel"
    # The way back from the result of a sign-out; its handle is that of the result page.
    RESULT = "result"
    # An authorization request that a client pushed, before any browser has begun it (rfc9126).
    PUSHED = "pushed"
    # A sign-in to the console: its handle is the `state`, its parameters the nonce and the code verifier.
    CONSOLE = "console"


class Interaction(Base):
    """A parked request. It is answered once, in the browser that began it, for the session it names."""

    __tablename__ = "interaction"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    handle_digest: Mapped[str] = mapped_column(String(64), unique=True)
    # The digest of the browser's binding cookie; None for a cross-site POST whose cookie we could not see.
    browser_digest: Mapped[str | None] = mapped_column(String(64), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    # The answers so far, e.g. that the person consented or signed in.
    answers: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    # The session for which the request was made: in another session it is void (THR-04).
    session_id: Mapped[UUID | None] = mapped_column(foreign_key("session.id"))
    # The pushed request of this interaction: its parameters are stored only in its own row, however often a
    # browser opens it. No foreign key, because rows are deleted in order of expiry; see `inspection.overdue`.
    pushed_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    # The sealed request, which stands in the address and is believed while there is no row (DEC-27).
    sealed: ClassVar[str | None] = None

    # Loaded by the statement that finds the row, if it may be an authorization request.
    pushed: Mapped["Interaction | None"] = relationship(
        primaryjoin=lambda: foreign(Interaction.pushed_id) == remote(Interaction.id),
        viewonly=True,
        lazy="raise",
    )

    @property
    def request(self) -> dict[str, Any]:
        """The parameters of the parked request; empty if it was a pushed one that has been deleted."""
        if self.pushed_id is None:
            return self.parameters
        return self.pushed.parameters if self.pushed else {}

    def is_of(self, browser: str) -> bool:
        """Return whether the browser with this binding cookie began it, or any browser may adopt it."""
        return self.browser_digest in (None, digest_of(browser))

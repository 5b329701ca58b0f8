"""The tables of authorization codes, access tokens and refresh tokens, and of DPoP proofs that were seen."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from provider.infrastructure.database import Base, UTCDateTime, foreign_key
from provider.protocol.scopes import OFFLINE_ACCESS


class AuthorizationCode(Base):
    """A code on its way to its client; it works once, and only while its ClientSession is live."""

    __tablename__ = "authorization_code"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    grant_id: Mapped[UUID] = mapped_column(foreign_key("grant.id"), index=True)
    client_session_id: Mapped[UUID] = mapped_column(foreign_key("client_session.id"), index=True)
    client_id: Mapped[UUID] = mapped_column(foreign_key("client.id"))
    redirect_uri: Mapped[str] = mapped_column(Text)
    # Whether redirect_uri was sent, and so must be sent again (rfc6749 §4.1.3).
    scope: Mapped[str] = mapped_column(Text)
    nonce: Mapped[str | None] = mapped_column(Text)
    code_challenge: Mapped[str | None] = mapped_column(String(128))
    # Further requirements of the request for its tokens, e.g. max_age was sent, claims, resources.
    request: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Binding:
    """Whether a token outlives its client session, decided once by the scope that it came from (core §11).

    One grant may carry both kinds: a client that asked with and without offline_access in one session.
    A narrower access token does not say in its own scope what its code was asked with, so it is kept.
    """

    scope: Mapped[str]
    # None: written by a release that did not keep it; then the token's own scope says it.
    offline: Mapped[bool | None] = mapped_column()

    @property
    def outlives_session(self) -> bool:
        """Whether it stays valid when its client session ends, as long as its grant is valid."""
        return OFFLINE_ACCESS in self.scope.split() if self.offline is None else self.offline


class AccessToken(Binding, Base):
    """An access token, opaque or signed. Client-credentials tokens have neither grant nor client session."""

    __tablename__ = "access_token"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    client_id: Mapped[UUID] = mapped_column(foreign_key("client.id"))
    # The service that holds it instead of that client, by token exchange (rfc8693); it ends with either.
    actor_id: Mapped[UUID | None] = mapped_column()
    actor_epoch: Mapped[int | None] = mapped_column()
    grant_id: Mapped[UUID | None] = mapped_column(foreign_key("grant.id"), index=True)
    client_session_id: Mapped[UUID | None] = mapped_column(foreign_key("client_session.id"), index=True)
    # The refresh family it came with; a revoked family takes its access tokens along (rfc7009 §2.1).
    family_id: Mapped[UUID | None] = mapped_column(index=True)
    scope: Mapped[str] = mapped_column(Text)
    # rfc8707: the resource servers it is meant for; None: the provider itself and servers that ask it.
    audience: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    # Single claims that the UserInfo Endpoint returns, beyond those of the scope (core §5.5).
    claims: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    # rfc7800: what its holder must prove to have: `jkt` (rfc9449) or `x5t#S256` (rfc8705).
    cnf: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    # The sign-in that it came from; a later one in the same session does not raise it (rfc9470).
    auth_time: Mapped[datetime | None] = mapped_column(UTCDateTime)
    acr: Mapped[str | None] = mapped_column(String(255))
    amr: Mapped[str | None] = mapped_column(String(255))
    client_epoch: Mapped[int] = mapped_column()
    # Of the client that got it by its credentials, without a person: for itself, or by token exchange.
    credentials_epoch: Mapped[int | None] = mapped_column()
    provider_epoch: Mapped[int] = mapped_column()
    # Whether it is a JWT, which an API may believe until it expires; None: an older release issued it.
    is_signed: Mapped[bool | None] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    @property
    def holder_id(self) -> UUID:
        """The row of the client that holds it."""
        return self.actor_id or self.client_id


class RefreshToken(Binding, Base):
    """One link of a family of rotated refresh tokens; `generation` orders them, not time (ABU-03)."""

    __tablename__ = "refresh_token"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    family_id: Mapped[UUID] = mapped_column(index=True)
    generation: Mapped[int] = mapped_column(default=0)
    client_id: Mapped[UUID] = mapped_column(foreign_key("client.id"))
    grant_id: Mapped[UUID] = mapped_column(foreign_key("grant.id"), index=True)
    client_session_id: Mapped[UUID] = mapped_column(foreign_key("client_session.id"), index=True)
    scope: Mapped[str] = mapped_column(Text)
    # core §12.2: a refreshed ID Token repeats the instant of the original sign-in.
    auth_time: Mapped[datetime] = mapped_column(UTCDateTime)
    acr: Mapped[str | None] = mapped_column(String(255))
    amr: Mapped[str | None] = mapped_column(String(255))
    # The resource servers that its code was asked for; what comes of it stays among them.
    resources: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    # Single claims for the UserInfo Endpoint and for the ID Token, as its code had them.
    claims: Mapped[dict[str, list[str]] | None] = mapped_column(JSON(none_as_null=True))
    # A public client's refresh token works only with the key that it was issued to (rfc9449 §5).
    cnf: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    rotated_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class UsedProof(Base):
    """A DPoP proof that was seen, kept until it would no longer pass by its age (rfc9449 §11.1)."""

    __tablename__ = "used_proof"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)

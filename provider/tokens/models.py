"""The tables of authorization codes, access tokens, refresh tokens and used DPoP proofs."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from provider.infrastructure.database import Base, UTCDateTime, foreign_key
from provider.protocol.scopes import OFFLINE_ACCESS


class AuthorizationCode(Base):
    """An authorization code; it works once, and only while its ClientSession is live."""

    __tablename__ = "authorization_code"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    grant_id: Mapped[UUID] = mapped_column(foreign_key("grant.id"))
    client_session_id: Mapped[UUID] = mapped_column(foreign_key("client_session.id"))
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

    One grant may carry both kinds, if a client sent requests with and without offline_access in one session.
    It is stored because the scope of a narrowed access token does not show whether its code was requested
    with offline_access.
    """

    scope: Mapped[str]
    # None: written by a release that did not store it; then the token's own scope decides.
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
    # The service that holds the token instead of that client, by token exchange (rfc8693); it ends with
    # either.
    actor_id: Mapped[UUID | None] = mapped_column()
    actor_epoch: Mapped[int | None] = mapped_column()
    grant_id: Mapped[UUID | None] = mapped_column(foreign_key("grant.id"), index=True)
    client_session_id: Mapped[UUID | None] = mapped_column(foreign_key("client_session.id"), index=True)
    # The refresh token family it came with; revoking a family also revokes its access tokens (rfc7009 §2.1).
    family_id: Mapped[UUID | None] = mapped_column(index=True)
    scope: Mapped[str] = mapped_column(Text)
    # rfc8707: the resource servers it is meant for; None: the provider itself and servers that introspect.
    audience: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    # Individual claims that the UserInfo Endpoint returns in addition to those of the scope (core §5.5).
    claims: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    # rfc7800: the key or certificate its holder must prove to have: `jkt` (rfc9449), `x5t#S256` (rfc8705).
    cnf: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    # The sign-in that it came from; a later sign-in in the same session does not change these values
    # (rfc9470).
    auth_time: Mapped[datetime | None] = mapped_column(UTCDateTime)
    acr: Mapped[str | None] = mapped_column(String(255))
    amr: Mapped[str | None] = mapped_column(String(255))
    client_epoch: Mapped[int] = mapped_column()
    # The epoch of the credentials by which the client got it without a person: for itself, or by exchange.
    credentials_epoch: Mapped[int | None] = mapped_column()
    provider_epoch: Mapped[int] = mapped_column()
    # Whether it is a JWT, which an API may believe until it expires; None: an older release issued it.
    is_signed: Mapped[bool | None] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    @property
    def holder_id(self) -> UUID:
        """The id of the client that holds the token."""
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
    # The resource servers of the authorization request; later tokens cannot be meant for others.
    resources: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    # Individual claims for the UserInfo Endpoint and for the ID Token, as in its code.
    claims: Mapped[dict[str, list[str]] | None] = mapped_column(JSON(none_as_null=True))
    # A public client's refresh token works only with the key that it was issued to (rfc9449 §5).
    cnf: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    rotated_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class UsedProof(Base):
    """A used DPoP proof, kept until it is too old to be accepted anyway (rfc9449 §11.1)."""

    __tablename__ = "used_proof"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)

"""The tables of clients, of their used assertions, of initial access tokens and of resource servers."""

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Interval, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from provider.clients.stored_metadata import metadata_of
from provider.infrastructure.database import Base, UTCDateTime, foreign_key
from provider.protocol.client_metadata import SECRET_METHODS, ClientMetadata
from provider.protocol.look_alike import REFUSED_IN_NAMES
from provider.protocol.scopes import ACCOUNT, OFFLINE_ACCESS

_REFUSED = re.compile(f"[{REFUSED_IN_NAMES}]")


class OfflinePolicy(StrEnum):
    """The effect of a browser's sign-out on a client's offline grants."""

    KEEP = "keep"
    REVOKE = "revoke"
    ASK = "ask"


class ConfirmSignOut(StrEnum):
    """Whether a person is asked to confirm when this client sends a Logout Request."""

    # Not asked where the specification allows it: if the hint proves the session of this browser.
    WHEN_NEEDED = "when_needed"
    ALWAYS = "always"


class ResultPage(StrEnum):
    """Whether a person sees the result of a sign-out before returning to the app that requested it."""

    # Always straight back to the app.
    NEVER = "never"
    # Straight back if every app has confirmed within the notify budget; otherwise via the page.
    WHEN_PENDING = "when-pending"
    ALWAYS = "always"


class LogoutTokenNames(StrEnum):
    """The claims by which the client's Logout Tokens say what has ended (backchannel §2.4)."""

    BOTH = "both"
    # For an app that ends every browser of the person as soon as it reads a `sub`.
    SID = "sid"
    # For an app that ignores `sid`; such a token ends all of the person's sessions at the app.
    SUB = "sub"


class IDTokenClaims(StrEnum):
    """Claims about the person in a client's ID Tokens beyond `sub` (core §5.4)."""

    # Everything that the granted scopes allow, for apps that never call the UserInfo Endpoint.
    SCOPES = "scopes"
    # Only those named in the request's `claims` parameter; UserInfo returns those of the scopes.
    REQUESTED = "requested"


class TokenFormat(StrEnum):
    """The format of an access token."""

    # A reference that resource servers introspect: revoked at once with the rows it depends on.
    OPAQUE = "opaque"
    # A signed token (rfc9068), which a resource server may accept until it expires.
    JWT = "jwt"


_READ = "_read_metadata"


class Client(Base):
    """A registered relying party. Its registered metadata is in `registered`; read it through `metadata_`."""

    __tablename__ = "client"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(String(255), unique=True)
    # RFC 7591 §2 and the logout specifications, wire names as keys; validated by ClientMetadata.
    registered: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    # Keyed digests (KEY-18); two may be valid while a secret is being rotated (KEY-19).
    secret_digest: Mapped[str | None] = mapped_column(String(64))
    secret_expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # The newest data key for which both digests have a layer.
    secret_generation: Mapped[int] = mapped_column(default=0, server_default="0")
    previous_secret_digest: Mapped[str | None] = mapped_column(String(64))
    previous_secret_expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Recorded only while two secrets are valid, to show which of them is still used.
    secret_last_used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    previous_secret_last_used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # The operator chose no authentication method: the secret may be sent with Basic or in the form.
    any_secret_method: Mapped[bool] = mapped_column(default=False, server_default=false())
    # Whether it registered itself (rfc7591), and so was not reviewed by the operator.
    self_registered: Mapped[bool] = mapped_column(default=False)
    # The registrant of a self-registered client: an initial access token, software that a statement names, or
    # a network. The clients of one registrant together may use as many worker threads as one client.
    registrant: Mapped[str | None] = mapped_column(String(255))
    # The token with which alone it may change its registration (rfc7592 §2).
    registration_token_digest: Mapped[str | None] = mapped_column(String(64))
    # A first-party client belongs to the operator: people are not asked for consent.
    first_party: Mapped[bool] = mapped_column(default=False)
    offline_policy: Mapped[str] = mapped_column(String(16), default=OfflinePolicy.KEEP)
    confirm_sign_out: Mapped[str] = mapped_column(String(16), default=ConfirmSignOut.WHEN_NEEDED)
    result_page: Mapped[str] = mapped_column(String(16), default=ResultPage.WHEN_PENDING)
    # DEC-06: whether the client is notified of expired sessions.
    told_of_expiry: Mapped[bool] = mapped_column(default=True)
    grant_lifetime: Mapped[timedelta | None] = mapped_column(Interval)
    refresh_reuse_interval: Mapped[timedelta | None] = mapped_column(Interval)
    logout_token_names: Mapped[str] = mapped_column(String(8), default=LogoutTokenNames.BOTH)
    id_token_claims: Mapped[str] = mapped_column(
        String(16), default=IDTokenClaims.REQUESTED, server_default=IDTokenClaims.REQUESTED.value
    )
    # Development only: the address to which Logout Tokens are really sent, e.g. at a Docker host name.
    deliver_to: Mapped[str | None] = mapped_column(String(2048))
    # DLV-12: it takes longer than others to respond to a Logout Token.
    slow: Mapped[bool] = mapped_column(default=False)
    # DLV-10: the longest lifetime of its own sessions; a notification older than that is of no use.
    session_lifetime: Mapped[timedelta | None] = mapped_column(Interval)
    # DEC-09: new sign-ins at it are refused once its logout endpoint has been degraded for this long.
    refuse_when_degraded_for: Mapped[timedelta | None] = mapped_column(Interval)
    # Set by deliveries. While it is set, an authenticated request from the client shows that it may be back.
    logout_endpoint_failing: Mapped[bool] = mapped_column(default=False, server_default=false())
    # rfc8693: the client_id of each client whose users' tokens it may exchange.
    may_exchange_tokens_of: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    # Its client_id and name in lower case, for searches. None if an older release registered it.
    search_text: Mapped[str | None] = mapped_column(Text, deferred=True)
    # The recipe of the software for which it was registered (`client add --for`).
    recipe: Mapped[str | None] = mapped_column(String(32))
    epoch: Mapped[int] = mapped_column(default=0)
    # Incremented when a credential is withdrawn: service tokens with an older number are revoked.
    credentials_epoch: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    @property
    def metadata_(self) -> ClientMetadata:
        """The client's registered metadata, as a typed value."""
        read: tuple[dict[str, Any], ClientMetadata] | None = self.__dict__.get(_READ)
        if read is None or read[0] is not self.registered:
            # Valid only for this object in the column: reading the row again replaces it.
            read = self.__dict__[_READ] = (self.registered, metadata_of(self.client_id, self.registered))
        return read[1]

    @property
    def auth_methods(self) -> tuple[str, ...]:
        """The methods by which it may authenticate, the registered one first."""
        registered = self.metadata_.token_endpoint_auth_method
        if self.any_secret_method and registered in SECRET_METHODS:
            return (registered, *(method for method in SECRET_METHODS if method != registered))
        return (registered,)

    @property
    def may_stay_offline(self) -> bool:
        """Whether this client may hold refresh tokens that outlive the session."""
        metadata = self.metadata_
        return metadata.may_use_scope(OFFLINE_ACCESS) and metadata.may_use_grant_type("refresh_token")

    @property
    def is_active(self) -> bool:
        """Whether this client may do anything at all."""
        return self.disabled_at is None and self.deleted_at is None

    @property
    def may_use_account_api(self) -> bool:
        """Whether it may act on a person's sessions; only first-party and native apps may."""
        return self.metadata_.may_use_scope(ACCOUNT) and (self.first_party or self.metadata_.is_native)

    @property
    def may_administer(self) -> bool:
        """Whether its tokens may carry scopes of administration: never if it registered itself (SEC-802)."""
        return not self.self_registered

    @property
    def display_name(self) -> str:
        """The client's name on pages, without characters that reorder text or are invisible.

        Registration refuses them, but an earlier release did not.
        """
        return _REFUSED.sub("\N{REPLACEMENT CHARACTER}", self.metadata_.client_name or self.client_id)


class UsedAssertion(Base):
    """The `jti` of a used client assertion, kept until the assertion has expired (ABU-51)."""

    __tablename__ = "used_assertion"

    client_id: Mapped[UUID] = mapped_column(foreign_key("client.id"), primary_key=True)
    jti_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)


class InitialAccessToken(Base):
    """Authorizes the registration of clients (rfc7591 §3); issued by the operator."""

    __tablename__ = "initial_access_token"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    # The operator's label for it, such as the developer's name.
    name: Mapped[str | None] = mapped_column(String(200))
    # How many clients may be registered with it; None: any number.
    most_uses: Mapped[int | None]
    uses: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Resource(Base):
    """A resource server that access tokens may be meant for (rfc8707)."""

    __tablename__ = "resource"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    # Clients send it as `resource`, and tokens carry it as `aud`.
    identifier: Mapped[str] = mapped_column(String(2000), unique=True)
    name: Mapped[str | None] = mapped_column(String(200))
    access_token_format: Mapped[str] = mapped_column(String(16))
    # None: the algorithm that every client supports.
    access_token_signing_alg: Mapped[str | None] = mapped_column(String(16))
    access_token_lifetime: Mapped[timedelta | None] = mapped_column(Interval)
    # The scopes it accepts; a token for it carries no others. Empty: any, but only for first-party clients.
    scopes: Mapped[str] = mapped_column(Text)
    # The client as which the server authenticates at the Introspection Endpoint.
    client_id: Mapped[UUID | None] = mapped_column(foreign_key("client.id"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

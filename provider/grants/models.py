"""The table of grants."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import JSON, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from provider.infrastructure.database import Base, UTCDateTime, foreign_key


class Grant(Base):
    """Access that an Account allowed a Client for a limited time. Refresh and revocation lock its row."""

    __tablename__ = "grant"
    __table_args__ = (
        Index("ix_grant_account_id_client_id", "account_id", "client_id"),
        # The order in which a person's grants are listed.
        Index("ix_grant_account_id_id", "account_id", "id"),
        # For the walk of a client's bulk logout.
        Index(
            "ix_grant_client_id_unrevoked",
            "client_id",
            "id",
            sqlite_where=text("revoked_at IS NULL"),
            postgresql_where=text("revoked_at IS NULL"),
        ),
        # A client's offline grants are few among very many others; they are listed in this order.
        Index(
            "ix_grant_client_id_offline",
            "client_id",
            "id",
            sqlite_where=text("offline"),
            postgresql_where=text("offline"),
        ),
        # For the logouts of a client.
        Index(
            "ix_grant_client_id_logout_id",
            "client_id",
            "logout_id",
            sqlite_where=text("logout_id IS NOT NULL"),
            postgresql_where=text("logout_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(foreign_key("account.id"))
    client_id: Mapped[UUID] = mapped_column(foreign_key("client.id"), index=True)
    # The person's subject identifier at this client: public or pairwise, the same in every token (KEY-25).
    sub: Mapped[str] = mapped_column(String(255))
    # The sid of the ClientSession in which the grant was made; notifications of the grant's end carry it.
    sid: Mapped[str] = mapped_column(String(64))
    scope: Mapped[str] = mapped_column(Text)
    # Single claims that the person allowed the client to know, beyond the scopes (core §5.5).
    claims: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    # The person was asked and agreed; a first-party client's grant is made without asking.
    consented: Mapped[bool] = mapped_column(default=False)
    # The scopes that the consent page named, by the resource server named with them (rfc8707), or by an empty
    # name if there was none. None: made by an older release, which did not record this.
    consented_to: Mapped[dict[str, list[str]] | None] = mapped_column(JSON(none_as_null=True))
    offline: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    logout_id: Mapped[UUID | None] = mapped_column(foreign_key("logout.id"), index=True)
    account_epoch: Mapped[int] = mapped_column()
    client_epoch: Mapped[int] = mapped_column()
    provider_epoch: Mapped[int] = mapped_column()

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes as a set."""
        return frozenset(self.scope.split())

    @property
    def resources(self) -> list[str]:
        """The resource servers that the person was asked about and agreed to."""
        return sorted(filter(None, self.consented_to or ()))

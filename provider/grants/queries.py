"""Questions about grants."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.grants.consent import Consent, read_consent
from provider.grants.models import Grant
from provider.infrastructure import clock
from provider.infrastructure.database import Instant, db
from provider.infrastructure.provider_state import IS_THE_ROW, ProviderState, is_valid_for_all


def grant_is_valid(now: Instant) -> ColumnElement[bool]:
    """The condition, over Grant, Account, Client and ProviderState, that a grant is valid (design §4)."""
    return and_(
        Grant.revoked_at.is_(None),
        Grant.expires_at > now,
        Grant.account_epoch == Account.epoch,
        Grant.client_epoch == Client.epoch,
        is_valid_for_all(Grant.provider_epoch, Grant.created_at),
        Account.disabled_at.is_(None),
        Account.deleted_at.is_(None),
        Client.disabled_at.is_(None),
        Client.deleted_at.is_(None),
    )


def find_consent(account_id: UUID, client: Client) -> Consent:
    """Return everything that the person has consented to in valid grants of this client.

    Served by ix_grant_account_id_client_id.
    """
    valid = (
        select(Grant.scope, Grant.consented_to, Grant.claims)
        .join(Account, Account.id == Grant.account_id)
        .join(Client, Client.id == Grant.client_id)
        .join(ProviderState, IS_THE_ROW)
        .where(Grant.account_id == account_id, Grant.client_id == client.id, Grant.consented)
        .where(grant_is_valid(clock.now()))
    )
    held = [read_consent(*row) for row in db.session.execute(valid)]
    return Consent(
        frozenset().union(*(one.scopes for one in held)), frozenset().union(*(one.claims for one in held))
    )


def list_unrevoked(account_id: UUID, client: Client) -> list[Grant]:
    """List a person's grants to a client that are neither revoked nor expired.

    Served by ix_grant_account_id_client_id.
    """
    held = (
        select(Grant)
        .where(Grant.account_id == account_id, Grant.client_id == client.id)
        .where(Grant.revoked_at.is_(None), Grant.expires_at > clock.now())
        .order_by(Grant.id)
    )
    return list(db.session.scalars(held))


class Wanted(NamedTuple):
    """A filter of grants; a field that is None matches everything."""

    account_id: UUID | None = None
    client_pk: UUID | None = None
    offline: bool | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the filter as conditions over Grant."""
        pairs = ((Grant.account_id, self.account_id), (Grant.client_id, self.client_pk))
        conditions: list[ColumnElement[bool]] = [
            column == value for column, value in pairs if value is not None
        ]
        return conditions if self.offline is None else [*conditions, Grant.offline == self.offline]


def list_grants(
    wanted: Wanted, *, living: bool = True, after: UUID | None = None, limit: int = 100
) -> list[tuple[Grant, Account, Client]]:
    """List grants with their people and clients, newest first, after the last grant of the previous page."""
    found = (
        select(Grant, Account, Client)
        .join(Account, Account.id == Grant.account_id)
        .join(Client, Client.id == Grant.client_id)
        .join(ProviderState, IS_THE_ROW)
        .where(*wanted.conditions())
        .order_by(Grant.id.desc())
        .limit(limit)
    )
    if living:
        found = found.where(grant_is_valid(clock.now()))
    if after is not None:
        found = found.where(Grant.id < after)
    return [(row[0], row[1], row[2]) for row in db.session.execute(found)]


def list_unrevoked_ids(
    wanted: Wanted, *, made_before: datetime, after: UUID | None, limit: int
) -> Sequence[UUID]:
    """List the identifiers of grants that are neither revoked nor expired, oldest first."""
    unrevoked = select(Grant.id).where(
        *wanted.conditions(),
        Grant.revoked_at.is_(None),
        Grant.expires_at > clock.now(),
        Grant.created_at <= made_before,
    )
    if after is not None:
        unrevoked = unrevoked.where(Grant.id > after)
    return db.session.scalars(unrevoked.order_by(Grant.id).limit(limit)).all()


def find(grant_id: UUID) -> Grant | None:
    """Find a grant by its identifier, valid or not."""
    return db.session.get(Grant, grant_id)


def lock(grant_id: UUID) -> Grant | None:
    """Lock a grant's row: refresh, code exchange and every revocation lock it first (design §4)."""
    # The lock is as weak as that of an update, so that tokens and client sessions can still refer to the row.
    return db.session.get(Grant, grant_id, with_for_update={"key_share": True}, populate_existing=True)

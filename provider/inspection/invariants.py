"""Invariants of the database, one row of the table below each (docs/design/guarantees.md).

Each query examines the rows of one table and the rows they refer to, a thousand at a time, and uses only
primary keys and indexes on foreign keys.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, and_, exists, false, func, or_, select
from sqlalchemy.orm import aliased

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.delivery.models import Delivery, DeliveryAttempt, DeliveryState
from provider.grants.models import Grant
from provider.infrastructure import current
from provider.inspection.batches import Walked
from provider.inspection.standing import is_held, is_in
from provider.inspection.token_invariants import (
    access_token_of_what_has_ended,
    refresh_token_of_what_has_ended,
)
from provider.logout.fanout import EXPIRY_REASONS
from provider.logout.models import Logout
from provider.logout.notice import SID, is_of_logout
from provider.sessions.models import ClientSession, Session
from provider.tokens.models import AccessToken, RefreshToken

# Any running worker has handled a delivery this long after it was due.
_GRACE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Invariant:
    """A state that must not occur: its table, a sentence, and the query that finds the rows in that state."""

    name: str
    table: Walked
    sentence: str
    wrong: Callable[[datetime], Select[UUID]]


def _half_ended_session(_: datetime) -> Select[UUID]:
    return select(Session.id).where(Session.ended_at.is_(None) != Session.logout_id.is_(None))


def _half_ended_client_session(_: datetime) -> Select[UUID]:
    return select(ClientSession.id).where(
        ClientSession.ended_at.is_(None) != ClientSession.logout_id.is_(None)
    )


def _live_client_session_of_ended_session(_: datetime) -> Select[UUID]:
    return (
        select(ClientSession.id)
        .join(Session, Session.id == ClientSession.session_id)
        .where(ClientSession.ended_at.is_(None), Session.ended_at.is_not(None))
    )


def _ended_client_session_not_notified(now: datetime) -> Select[UUID]:
    notified = exists().where(
        is_of_logout(ClientSession.logout_id),
        Delivery.recipient_id == ClientSession.client_id,
        or_(ClientSession.sid == SID, SID.is_(None)),
    )
    wants_to_know = or_(
        Client.told_of_expiry, Logout.reason.not_in([reason.value for reason in EXPIRY_REASONS])
    )
    return (
        select(ClientSession.id)
        .join(Client, Client.id == ClientSession.client_id)
        .join(Logout, Logout.id == ClientSession.logout_id)
        .where(
            ClientSession.ended_at > _kept_since(now),
            # A registration that changed later does not show what was owed then.
            Client.updated_at <= ClientSession.ended_at,
            Client.registered["backchannel_logout_uri"].as_string().is_not(None),
            wants_to_know,
            ~notified,
        )
    )


def _grant_without_owner(_: datetime) -> Select[UUID]:
    return (
        select(Grant.id)
        .outerjoin(Account, Account.id == Grant.account_id)
        .outerjoin(Client, Client.id == Grant.client_id)
        .where(or_(Account.id.is_(None), Client.id.is_(None)))
    )


def _half_revoked_grant(_: datetime) -> Select[UUID]:
    return select(Grant.id).where(Grant.logout_id.is_not(None), Grant.revoked_at.is_(None))


def _live_client_session_of_revoked_grant(_: datetime) -> Select[UUID]:
    return (
        select(ClientSession.id)
        .join(Grant, Grant.id == ClientSession.grant_id)
        # A grant returned by the client itself ends without a Logout, and its client session continues.
        .where(ClientSession.ended_at.is_(None), Grant.revoked_at.is_not(None), Grant.logout_id.is_not(None))
    )


def _grant_that_outlived_its_session(_: datetime) -> Select[UUID]:
    other = aliased(ClientSession)
    is_used_elsewhere = exists().where(other.grant_id == Grant.id, other.ended_at.is_(None))
    return (
        select(ClientSession.id)
        .join(Grant, Grant.id == ClientSession.grant_id)
        .where(
            ClientSession.ended_at.is_not(None),
            Grant.revoked_at.is_(None),
            Grant.offline == false(),
            ~is_used_elsewhere,
        )
    )


def _logout_without_its_deliveries(now: datetime) -> Select[UUID]:
    owed = select(func.count()).where(is_of_logout(Logout.id)).scalar_subquery()
    return select(Logout.id).where(
        Logout.at > _kept_since(now), Logout.notifications > 0, Logout.notifications != owed
    )


def _delivery_past_its_deadline(now: datetime) -> Select[UUID]:
    late = Delivery.expires_at < now - current.settings().delivery_lease - _GRACE
    return select(Delivery.id).where(is_in(DeliveryState.PENDING), late)


def _delivery_leased_too_long(now: datetime) -> Select[UUID]:
    lease = current.settings().delivery_lease
    ahead = Delivery.leased_until > now + 2 * lease
    # The lease has expired, and no worker has leased the delivery again although no breaker holds it.
    forgotten = and_(Delivery.leased_until < now - lease - _GRACE, ~is_held(now))
    return select(Delivery.id).where(is_in(DeliveryState.PENDING), or_(ahead, forgotten))


def _delivery_at_odds_with_its_state(_: datetime) -> Select[UUID]:
    pending = is_in(DeliveryState.PENDING)
    return select(Delivery.id).where(
        or_(
            and_(pending, Delivery.finished_at.is_not(None)),
            and_(~pending, or_(Delivery.finished_at.is_(None), Delivery.lease_token.is_not(None))),
        )
    )


def _accepted_without_an_attempt(_: datetime) -> Select[UUID]:
    said_yes = exists().where(
        DeliveryAttempt.delivery_id == Delivery.id,
        DeliveryAttempt.number == Delivery.attempt_count,
        DeliveryAttempt.status >= 200,
        DeliveryAttempt.status < 300,
    )
    return select(Delivery.id).where(is_in(DeliveryState.ACCEPTED), ~said_yes)


def _cancelled_without_a_reason(_: datetime) -> Select[UUID]:
    return select(Delivery.id).where(is_in(DeliveryState.CANCELLED), Delivery.cancel_reason.is_(None))


def _kept_since(now: datetime) -> datetime:
    """The instant after which no delivery can have been deleted for its age."""
    return now - current.settings().delivery_retention


INVARIANTS = (
    Invariant(
        "live_access_token_of_what_has_ended",
        AccessToken,
        "An access token is accepted although its grant or session has ended (INV-04).",
        access_token_of_what_has_ended,
    ),
    Invariant(
        "live_refresh_token_of_what_has_ended",
        RefreshToken,
        "A refresh token is accepted although its grant or session has ended (INV-04).",
        refresh_token_of_what_has_ended,
    ),
    Invariant(
        "half_ended_session",
        Session,
        "A session ended without a logout record, or has one and is still active (INV-11).",
        _half_ended_session,
    ),
    Invariant(
        "half_ended_client_session",
        ClientSession,
        "A client session ended without a logout record, or has one and is still active.",
        _half_ended_client_session,
    ),
    Invariant(
        "live_client_session_of_ended_session",
        ClientSession,
        "A client session is active in a session that has ended.",
        _live_client_session_of_ended_session,
    ),
    Invariant(
        "live_client_session_of_revoked_grant",
        ClientSession,
        "A client session is active although a logout revoked its grant.",
        _live_client_session_of_revoked_grant,
    ),
    Invariant(
        "grant_that_outlived_its_session",
        ClientSession,
        "A client session has ended, but its grant, which is not offline, was not revoked.",
        _grant_that_outlived_its_session,
    ),
    Invariant(
        "ended_client_session_not_notified",
        ClientSession,
        "A client session has ended without a delivery to its app, which has an address (INV-01).",
        _ended_client_session_not_notified,
    ),
    Invariant("grant_without_owner", Grant, "A grant has no account or no client.", _grant_without_owner),
    Invariant(
        "half_revoked_grant", Grant, "A logout names a grant that was not revoked.", _half_revoked_grant
    ),
    Invariant(
        "logout_without_its_deliveries",
        Logout,
        "A logout's number of notifications differs from its deliveries (INV-01).",
        _logout_without_its_deliveries,
    ),
    Invariant(
        "delivery_past_its_deadline",
        Delivery,
        "A delivery is still pending after its expiry.",
        _delivery_past_its_deadline,
    ),
    Invariant(
        "delivery_leased_too_long",
        Delivery,
        "A delivery's lease is too long, or was not taken over after it expired (INV-01).",
        _delivery_leased_too_long,
    ),
    Invariant(
        "delivery_at_odds_with_its_state",
        Delivery,
        "A delivery's state contradicts its lease or its finishing time.",
        _delivery_at_odds_with_its_state,
    ),
    Invariant(
        "cancelled_without_a_reason",
        Delivery,
        "A delivery was cancelled without a reason.",
        _cancelled_without_a_reason,
    ),
    Invariant(
        "accepted_without_an_attempt",
        Delivery,
        "A delivery is accepted, but its last attempt has no 2xx response (INV-17).",
        _accepted_without_an_attempt,
    ),
)

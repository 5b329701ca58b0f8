"""One logout in full: its cause, what it ended, what survived, and how each app was notified."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.delivery.models import Delivery, DeliveryAttempt, DeliveryState
from provider.grants.models import Grant
from provider.infrastructure.database import db
from provider.logout.models import Logout
from provider.logout.notice import BACKCHANNEL_LOGOUT, is_of_logout
from provider.sessions.models import ClientSession, Session

TO_BE_NOTIFIED, NOTIFIED, REFUSING = "to be notified", "notified", "refusing"
# The state of an app without a logout address, or that the operator has excluded from notification.
NOT_NOTIFIED = "not notified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A filter of logouts; a field that is None is ignored."""

    account_id: UUID | None = None
    client_pk: UUID | None = None
    bulk_logout_id: UUID | None = None
    actor_name: str | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One delivery with its attempts."""

    delivery: Delivery
    attempts: tuple[DeliveryAttempt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifiedApp:
    """One app of a logout with its notifications, of which it may have none."""

    client: Client
    notifications: tuple[Notification, ...]

    @property
    def state(self) -> str:
        """The state of the notification that needs most attention."""
        states = [state_of(one.delivery) for one in self.notifications]
        return max(states, key=lambda state: _CONCERN.get(state, len(_CONCERN))) if states else NOT_NOTIFIED


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutDetail:
    """A logout with everything that belongs to it."""

    logout: Logout
    account: Account
    # The sessions that it ended, and those that continue although it ended some of their client sessions.
    sessions: tuple[Session, ...]
    client_sessions: tuple[tuple[ClientSession, Client], ...]
    revoked: tuple[tuple[Grant, Client], ...]
    surviving: tuple[tuple[Grant, Client], ...]
    apps: tuple[NotifiedApp, ...]


# With so many logouts of a client, a search through the newest of all logouts finds one soon.
_MANY = 500
# From no need of attention to the greatest; every other state is final without success and ranks highest.
_CONCERN = {NOTIFIED: 0, DeliveryState.SUPERSEDED.value: 1, TO_BE_NOTIFIED: 2, REFUSING: 3}


def state_of(delivery: Delivery) -> str:
    """Return the state of a notification, in the words that people are shown."""
    if delivery.state == DeliveryState.PENDING:
        return REFUSING if delivery.is_refusing else TO_BE_NOTIFIED
    return NOTIFIED if delivery.state == DeliveryState.ACCEPTED else str(delivery.state)


def list_logouts(
    wanted: Filter, limit: int = 100, *, before: Logout | None = None
) -> list[tuple[Logout, Account]]:
    """List logouts, newest first; `before` is the last one of the page before.

    Served by ix_logout_at, and by indexes for a person, a reason and an operator.
    """
    found = select(Logout, Account).join(Account, Account.id == Logout.account_id)
    for column in ("account_id", "bulk_logout_id", "actor_name", "reason"):
        if (value := getattr(wanted, column)) is not None:
            found = found.where(getattr(Logout, column) == value)
    if wanted.since is not None:
        found = found.where(Logout.at >= wanted.since)
    if wanted.until is not None:
        found = found.where(Logout.at < wanted.until)
    if before is not None:
        # The first condition bounds the index; among logouts of the same instant the id decides.
        found = found.where(Logout.at <= before.at, or_(Logout.at < before.at, Logout.id < before.id))
    if wanted.client_pk is not None:
        found = found.where(_concerns(wanted.client_pk))
    newest = found.order_by(Logout.at.desc(), Logout.id.desc()).limit(limit)
    return [(row[0], row[1]) for row in db.session.execute(newest)]


def find_logout(logout_id: UUID) -> Logout | None:
    """Find a logout by its identifier."""
    return db.session.get(Logout, logout_id)


def count_notifications(logout_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """Count the notifications of each logout by the state that people are shown."""
    # The columns that `state_of` reads; they have so few combinations that a row for each is cheap.
    looked_at = (Delivery.state, Delivery.refusals, Delivery.last_outcome)
    counted = (
        select(Logout.id, *looked_at, func.count())
        .join(Delivery, is_of_logout(Logout.id))
        .where(Logout.id.in_(logout_ids))
        .group_by(Logout.id, *looked_at)
    )
    counts: dict[UUID, dict[str, int]] = {one: {} for one in logout_ids}
    for logout_id, state, refusals, outcome, count in db.session.execute(counted):
        shown = state_of(Delivery(state=state, refusals=refusals, last_outcome=outcome))
        counts[logout_id][shown] = counts[logout_id].get(shown, 0) + count
    return counts


def find_detail(logout_id: UUID) -> LogoutDetail | None:
    """Return a logout with everything that belongs to it, in a constant number of statements."""
    logout = db.session.get(Logout, logout_id)
    if logout is None:
        return None
    client_sessions = _client_sessions(logout_id)
    # A grant that had expired before was revoked with its client session, but was no longer valid.
    revoked = _grants(Grant.logout_id == logout_id, Grant.expires_at > logout.at)
    clients = {client.id: client for _, client in (*client_sessions, *revoked)}
    return LogoutDetail(
        logout=logout,
        account=db.session.get_one(Account, logout.account_id),
        sessions=_sessions(logout_id),
        client_sessions=client_sessions,
        revoked=revoked,
        surviving=_grants(*_survived(logout, [one.grant_id for one, _ in client_sessions])),
        apps=_apps(logout_id, clients),
    )


def _concerns(client_pk: UUID) -> ColumnElement[bool]:
    """Return whether a logout has ended or revoked something of a client, or owes it a notification.

    For a client with few logouts, these are listed by id, because it takes long to search all logouts and
    find no more of them. For a client with many, a condition on each logout is enough, because the newest
    come first.
    """
    concerned: set[UUID] = set()
    for some in (
        select(ClientSession.logout_id).where(
            ClientSession.client_id == client_pk, ClientSession.logout_id.is_not(None)
        ),
        select(Grant.logout_id).where(Grant.client_id == client_pk, Grant.logout_id.is_not(None)),
        select(Delivery.cause_id).where(
            Delivery.recipient_id == client_pk,
            Delivery.kind == BACKCHANNEL_LOGOUT,
            Delivery.cause_id.is_not(None),
        ),
    ):
        found = db.session.scalars(some.limit(_MANY)).all()
        if len(found) == _MANY:
            return _is_of_client(client_pk)
        concerned |= {one for one in found if one is not None}
    return Logout.id.in_(concerned)


def _is_of_client(client_pk: UUID) -> ColumnElement[bool]:
    return or_(
        exists().where(ClientSession.logout_id == Logout.id, ClientSession.client_id == client_pk),
        exists().where(Grant.logout_id == Logout.id, Grant.client_id == client_pk),
        exists().where(is_of_logout(Logout.id), Delivery.recipient_id == client_pk),
    )


def _sessions(logout_id: UUID) -> tuple[Session, ...]:
    left = select(ClientSession.session_id).where(ClientSession.logout_id == logout_id)
    ended = select(Session.id).where(Session.logout_id == logout_id)
    # Not joined by OR, for which PostgreSQL would read all sessions.
    concerned = select(Session).where(Session.id.in_(ended.union(left)))
    return tuple(db.session.scalars(concerned.order_by(Session.id)))


def _client_sessions(logout_id: UUID) -> tuple[tuple[ClientSession, Client], ...]:
    ended = (
        select(ClientSession, Client)
        .join(Client, Client.id == ClientSession.client_id)
        .where(ClientSession.logout_id == logout_id)
        .order_by(ClientSession.id)
    )
    return tuple((row[0], row[1]) for row in db.session.execute(ended))


def _survived(logout: Logout, grant_ids: Sequence[UUID]) -> tuple[ColumnElement[bool], ...]:
    """The conditions for a grant of an ended client session that outlived this logout."""
    return (
        Grant.id.in_(grant_ids),
        or_(Grant.logout_id.is_(None), Grant.logout_id != logout.id),
        or_(Grant.revoked_at.is_(None), Grant.revoked_at > logout.at),
        Grant.expires_at > logout.at,
    )


def _grants(*conditions: ColumnElement[bool]) -> tuple[tuple[Grant, Client], ...]:
    found = select(Grant, Client).join(Client, Client.id == Grant.client_id).where(*conditions)
    return tuple((row[0], row[1]) for row in db.session.execute(found.order_by(Grant.id)))


def _apps(logout_id: UUID, clients: dict[UUID, Client]) -> tuple[NotifiedApp, ...]:
    attempts: dict[UUID, list[DeliveryAttempt]] = {}
    made = select(DeliveryAttempt).join(Delivery, Delivery.id == DeliveryAttempt.delivery_id)
    for attempt in db.session.scalars(made.where(is_of_logout(logout_id)).order_by(DeliveryAttempt.number)):
        attempts.setdefault(attempt.delivery_id, []).append(attempt)
    owed = (
        select(Delivery, Client)
        .join(Client, Client.id == Delivery.recipient_id)
        .where(is_of_logout(logout_id))
        .order_by(Delivery.id)
    )
    notifications: dict[UUID, list[Notification]] = {}
    for delivery, client in db.session.execute(owed):
        clients = clients | {client.id: client}
        notification = Notification(delivery=delivery, attempts=tuple(attempts.get(delivery.id, ())))
        notifications.setdefault(client.id, []).append(notification)
    return tuple(
        NotifiedApp(client=client, notifications=tuple(notifications.get(client.id, ())))
        for client in sorted(clients.values(), key=lambda client: client.client_id)
    )

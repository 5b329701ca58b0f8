"""The progress of a logout: the state of its notification at each app that was part of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, String, Uuid, and_, bindparam, exists, func, select

from provider.clients.models import Client
from provider.clients.own import is_app
from provider.delivery.models import BreakerState, Delivery, DeliveryState, EndpointHealth
from provider.grants.models import Grant
from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import digest_of
from provider.infrastructure.read_only_rows import ReadOnly, find_one, list_rows
from provider.logout.models import Logout
from provider.logout.notice import is_of_logout
from provider.sessions.models import ClientSession


@dataclass(frozen=True, slots=True, kw_only=True)
class AppState:
    """One app's part of a logout. With `state` None it is not notified."""

    name: str
    state: DeliveryState | None
    has_address: bool = True
    # Whether an attempt has ended, successfully or not.
    was_tried: bool = False
    # Whether the app keeps answering, but not with success (DLV-11).
    is_refusing: bool = False
    at: datetime | None = None
    latency_ms: int | None = None
    # For an app that is not notified: when its own sessions have ended, if the operator has stated their
    # lifetime.
    ends_by: datetime | None = None


def find_by_result_handle(handle: str) -> Logout | None:
    """Find the logout whose result page has this address, as a row to be read only."""
    return _LOGOUT.take_row(find_one(_BY_RESULT_DIGEST, {"result_digest": digest_of(handle)}))


def list_app_states(logout: Logout) -> list[AppState]:
    """List the apps that were part of a logout, by name, each once."""
    owed = _deliveries(logout.id)
    clients = _clients(logout.id)
    not_notified = [client for client in clients if client.id not in owed]
    ends = _stated_ends(logout, not_notified)
    states = [_notified(logout, client, owed[client.id]) for client in clients if client.id in owed]
    states += [_not_notified(client, ends.get(client.id)) for client in not_notified]
    return sorted(states, key=lambda app: app.name.casefold())


@dataclass(frozen=True, slots=True)
class Progress:
    """The deliveries of a logout whose first attempt has not finished, and those without success so far."""

    untried: int
    unconfirmed: int


def progress_of(logout_id: UUID, *, but: Collection[UUID] = ()) -> Progress:
    """Return the progress of a logout's deliveries.

    Only deliveries that may be attempted at once count as untried, so not those that a breaker holds back,
    nor those of the apps in `but`.
    """
    state, done = Delivery.state, (DeliveryState.ACCEPTED, DeliveryState.SUPERSEDED)
    untried = func.count().filter(_is_untried(), ~_is_held(), Delivery.recipient_id.not_in(but))
    unconfirmed = func.count().filter(state.not_in(done))
    row = db.session.execute(select(untried, unconfirmed).where(is_of_logout(logout_id))).one()
    return Progress(*row)


def list_untried(logout_id: UUID) -> Sequence[UUID]:
    """List the clients of a logout for which no attempt has finished."""
    return db.session.scalars(
        select(Delivery.recipient_id).where(is_of_logout(logout_id), _is_untried()).distinct()
    ).all()


def _is_untried() -> ColumnElement[bool]:
    return and_(Delivery.state == DeliveryState.PENDING, Delivery.last_outcome.is_(None))


def _is_held() -> ColumnElement[bool]:
    """The condition that a delivery waits for its endpoint to recover (DLV-14)."""
    return exists().where(
        EndpointHealth.kind == Delivery.kind,
        EndpointHealth.recipient_id == Delivery.recipient_id,
        EndpointHealth.state != BreakerState.CLOSED,
    )


def _notified(logout: Logout, client: Client, delivery: Delivery) -> AppState:
    return AppState(
        name=client.display_name,
        state=DeliveryState(delivery.state),
        was_tried=delivery.last_outcome is not None,
        is_refusing=delivery.is_refusing,
        at=delivery.finished_at,
        latency_ms=_latency(logout, delivery),
    )


def _not_notified(client: Client, ends_by: datetime | None) -> AppState:
    has_address = bool(client.metadata_.backchannel_logout_uri)
    return AppState(name=client.display_name, state=None, has_address=has_address, ends_by=ends_by)


def _stated_ends(logout: Logout, clients: Sequence[Client]) -> dict[UUID, datetime]:
    """Return until when the apps' own sessions may live, for those whose lifetime the operator has stated.

    Nothing is known of the other apps: an app's own session may well outlive the one it came from.
    """
    lifetimes = {client.id: client.session_lifetime for client in clients if client.session_lifetime}
    if not lifetimes:
        return {}
    begun = (
        select(ClientSession.client_id, func.max(ClientSession.last_used_at))
        .where(ClientSession.logout_id == logout.id, ClientSession.client_id.in_(lifetimes))
        .group_by(ClientSession.client_id)
    )
    return {row[0]: row[1] + lifetimes[row[0]] for row in db.session.execute(begun)}


def _deliveries(logout_id: UUID) -> dict[UUID, Delivery]:
    """Return the delivery to show for each client: of several, the one that needs most attention."""
    rows = list_rows(_OF_LOGOUT, {"logout_id": logout_id})
    found = [_DELIVERY.take(iter(row)) for row in rows]
    return {row.recipient_id: row for row in sorted(found, key=_concern)}


def _concern(delivery: Delivery) -> int:
    match delivery.state:
        case DeliveryState.PENDING:
            return 3
        case DeliveryState.SUPERSEDED:
            return 1
        case DeliveryState.ACCEPTED:
            return 0
    return 2


def _clients(logout_id: UUID) -> list[Client]:
    return [_CLIENT.take(iter(row)) for row in list_rows(_CONCERNED, {"logout_id": logout_id})]


def _latency(logout: Logout, delivery: Delivery) -> int | None:
    if delivery.state != DeliveryState.ACCEPTED or delivery.finished_at is None:
        return None
    return round((delivery.finished_at - logout.at).total_seconds() * 1000)


# The columns that the page shows; it is reloaded repeatedly while apps have not confirmed.
_LOGOUT = ReadOnly(Logout, "id", "at", "reason", "scope", "initiator_client_id", "asked_in_session_id")
_BY_RESULT_DIGEST = select(*_LOGOUT.columns).where(
    Logout.result_digest == bindparam("result_digest", type_=String())
)
_DELIVERY = ReadOnly(Delivery, "recipient_id", "state", "refusals", "last_outcome", "finished_at")
_CLIENT = ReadOnly(Client, "id", "client_id", "registered", "session_lifetime")
_LOGOUT_ID = bindparam("logout_id", type_=Uuid())
_OF_LOGOUT = select(*_DELIVERY.columns).where(is_of_logout(_LOGOUT_ID)).order_by(Delivery.finished_at)
_CONCERNED = select(*_CLIENT.columns).where(
    Client.id.in_(
        select(ClientSession.client_id)
        .where(ClientSession.logout_id == _LOGOUT_ID)
        .union(
            select(Grant.client_id).where(Grant.logout_id == _LOGOUT_ID),
            # For a session that the database has lost, only the notification is left.
            select(Delivery.recipient_id).where(is_of_logout(_LOGOUT_ID)),
        )
    ),
    is_app(),
)

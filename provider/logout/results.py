"""How an ending goes on: what became of it at each app that was part of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from provider.clients.models import Client
from provider.delivery.models import Delivery, DeliveryState
from provider.grants.models import Grant
from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import digest_of
from provider.logout.models import Logout
from provider.sessions.models import ClientSession, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class AppResult:
    """One app's part of an ending. `state` None: nothing is owed to it."""

    name: str
    state: DeliveryState | None
    has_address: bool = True
    # Whether an attempt has come to an end, well or not.
    was_tried: bool = False
    at: datetime | None = None
    latency_ms: int | None = None
    # Nobody tells it: its own session should end with the one it came from, at this instant at the latest.
    ends_by: datetime | None = None


def find_by_result_handle(handle: str) -> Logout | None:
    """Find the ending whose result page has this address."""
    return db.session.scalars(select(Logout).where(Logout.result_digest == digest_of(handle))).one_or_none()


def list_app_results(logout: Logout) -> list[AppResult]:
    """List the apps that were part of an ending, by name, each once."""
    told = {row.client_id: row for row in _deliveries(logout.id)}
    clients = _clients(logout.id)
    ends = {} if told.keys() >= {client.id for client in clients} else _session_ends(logout)
    results = [
        _told(logout, client, told[client.id]) if client.id in told else _untold(client, ends.get(client.id))
        for client in clients
    ]
    return sorted(results, key=lambda result: result.name.casefold())


@dataclass(frozen=True, slots=True)
class Progress:
    """How many deliveries of an ending wait for their first attempt to finish, and how many for success."""

    untried: int
    unconfirmed: int


def progress_of(logout_id: UUID) -> Progress:
    """Return how far the deliveries of an ending are."""
    state, done = Delivery.state, (DeliveryState.ACCEPTED, DeliveryState.SUPERSEDED)
    untried = func.count().filter(state == DeliveryState.PENDING, Delivery.last_outcome.is_(None))
    unconfirmed = func.count().filter(state.not_in(done))
    row = db.session.execute(select(untried, unconfirmed).where(Delivery.logout_id == logout_id)).one()
    return Progress(*row)


def _told(logout: Logout, client: Client, delivery: Delivery) -> AppResult:
    return AppResult(
        name=client.display_name,
        state=DeliveryState(delivery.state),
        was_tried=delivery.last_outcome is not None,
        at=delivery.finished_at,
        latency_ms=_latency(logout, delivery),
    )


def _untold(client: Client, ends_by: datetime | None) -> AppResult:
    has_address = bool(client.metadata_.backchannel_logout_uri)
    return AppResult(name=client.display_name, state=None, has_address=has_address, ends_by=ends_by)


def _session_ends(logout: Logout) -> dict[UUID, datetime]:
    """Return when the sessions that were shared would have ended by themselves, for each client."""
    latest = (
        select(ClientSession.client_id, func.max(Session.expires_at))
        .join(Session, Session.id == ClientSession.session_id)
        .where(ClientSession.logout_id == logout.id)
        .group_by(ClientSession.client_id)
    )
    return {row[0]: row[1] for row in db.session.execute(latest) if row[1] > logout.at}


def _deliveries(logout_id: UUID) -> list[Delivery]:
    # A client with several ended shares shows the one that still waits, or else the latest.
    rows = db.session.scalars(
        select(Delivery)
        .where(Delivery.logout_id == logout_id)
        .order_by(Delivery.finished_at.is_(None), Delivery.finished_at)
    )
    return list(rows)


def _clients(logout_id: UUID) -> list[Client]:
    in_session = select(ClientSession.client_id).where(ClientSession.logout_id == logout_id)
    by_grant = select(Grant.client_id).where(Grant.logout_id == logout_id)
    concerned = select(Client).where(Client.id.in_(in_session.union(by_grant)))
    return list(db.session.scalars(concerned))


def _latency(logout: Logout, delivery: Delivery) -> int | None:
    if delivery.state != DeliveryState.ACCEPTED or delivery.finished_at is None:
        return None
    return round((delivery.finished_at - logout.at).total_seconds() * 1000)

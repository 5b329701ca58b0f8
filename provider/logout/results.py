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
from provider.sessions.models import ClientSession


@dataclass(frozen=True, slots=True, kw_only=True)
class AppResult:
    """One app's part of an ending. `state` None: it has no address for logout."""

    name: str
    state: DeliveryState | None
    at: datetime | None = None
    latency_ms: int | None = None
    # Without an address, what the app holds is dead by itself at this instant at the latest.
    ends_by: datetime | None = None


def find_by_result_handle(handle: str) -> Logout | None:
    """Find the ending whose result page has this address."""
    return db.session.scalars(select(Logout).where(Logout.result_digest == digest_of(handle))).one_or_none()


def list_app_results(logout: Logout) -> list[AppResult]:
    """List the apps that were part of an ending, by name, each once."""
    told = {row.client_id: row for row in _deliveries(logout.id)}
    results = []
    for client in _clients(logout.id):
        delivery = told.get(client.id)
        if delivery is None:
            results.append(AppResult(name=client.display_name, state=None))
            continue
        results.append(
            AppResult(
                name=client.display_name,
                state=DeliveryState(delivery.state),
                at=delivery.finished_at,
                latency_ms=_latency(logout, delivery),
            )
        )
    return sorted(results, key=lambda result: result.name.casefold())


def count_untried(logout_id: UUID) -> int:
    """Count the deliveries of an ending whose first attempt has not come to an end."""
    untried = select(func.count()).where(
        Delivery.logout_id == logout_id,
        Delivery.state == DeliveryState.PENDING,
        Delivery.last_outcome.is_(None),
    )
    return db.session.scalar(untried) or 0


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

"""Begin a bulk logout: one watermark revokes very many sessions and grants at once (design §4).

This writes only a row or two, however many sessions there are, and takes effect on the next request. Ending
the rows and notifying the apps follows in `provider.logout.bulk.walk`.
"""

from datetime import datetime

from sqlalchemy import or_, update

from provider.audit.record import Actor, record
from provider.audit.tags import EventTag
from provider.clients.models import Client
from provider.infrastructure import acting, clock, event_log
from provider.infrastructure.database import after_commit, change, db
from provider.infrastructure.opaque_tokens import new_id
from provider.infrastructure.provider_state import ProviderState
from provider.logout.models import BulkKind, BulkLogout, BulkPhase


class InTheFuture(ValueError):
    """The instant is in the future: sessions and tokens issued until then cannot be ended now."""


def end_everybody(initiator: Actor) -> BulkLogout:
    """End all sessions and all grants of everyone."""
    change(update(ProviderState).values(epoch=ProviderState.epoch + 1))
    return _begin(BulkKind.ALL, initiator)


def end_of_client(client: Client, initiator: Actor) -> BulkLogout:
    """End all client sessions and grants of one client, offline ones included; no other app is affected."""
    change(update(Client).where(Client.id == client.id).values(epoch=Client.epoch + 1))
    db.session.refresh(client, ["epoch"])
    return _begin(BulkKind.CLIENT, initiator, client=client)


def end_issued_before(instant: datetime, initiator: Actor) -> BulkLogout:
    """End every session and grant that was begun before an instant. Raises InTheFuture.

    The instant only ever moves forward: what was ended stays ended.
    """
    if instant > clock.now():
        raise InTheFuture(f"{instant.isoformat()} is in the future")
    known = ProviderState.issued_before_is_dead_at
    forward = update(ProviderState).where(or_(known.is_(None), known < instant))
    change(forward.values(issued_before_is_dead_at=instant))
    return _begin(BulkKind.ISSUED_BEFORE, initiator, issued_before=instant)


def end_offline_of_client(client: Client, initiator: Actor) -> BulkLogout:
    """Revoke the offline grants of a client that may no longer have any (ABU-24).

    No watermark is needed: their refresh tokens are rejected because the client may not have them.
    """
    return _begin(BulkKind.CLIENT_OFFLINE, initiator, client=client)


def _begin(
    kind: BulkKind, initiator: Actor, *, client: Client | None = None, issued_before: datetime | None = None
) -> BulkLogout:
    operator = acting.operator() if initiator == "admin" else None
    bulk = BulkLogout(
        id=new_id(),
        at=clock.now(),
        kind=kind,
        client_id=client.id if client else None,
        issued_before=issued_before,
        initiator=initiator,
        actor_name=operator.name if operator else None,
        actor_origin=operator.origin if operator else acting.address(),
        total=0,
        done=0,
        phase=BulkPhase.GRANTS if kind is BulkKind.CLIENT_OFFLINE else BulkPhase.SESSIONS,
        correlation_id=event_log.correlation_id() or None,
    )
    db.session.add(bulk)
    client_id = client.client_id if client else None
    record(
        EventTag.BULK_LOGOUT,
        actor=initiator,
        client_id=client_id,
        mass_ending_id=bulk.id,
        kind=kind,
        issued_before=issued_before.isoformat() if issued_before else None,
    )
    after_commit(
        lambda: event_log.warning("mass_ending", mass_ending_id=bulk.id, kind=kind, client_id=client_id)
    )
    return bulk

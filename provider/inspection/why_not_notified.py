"""Why an app was, or was not, notified that a session ended: one verdict with its evidence.

The rules are those of `provider.logout.fanout`, read backwards from the rows that a logout left.
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select

from provider.clients.models import Client
from provider.clients.own import is_own
from provider.delivery.models import REFUSING, Delivery, DeliveryState
from provider.infrastructure import clock, current
from provider.infrastructure.database import db
from provider.logout import notice
from provider.logout.fanout import EXPIRY_REASONS
from provider.logout.models import Logout
from provider.sessions.models import ClientSession, Session


class Verdict(StrEnum):
    """The reason why an app was or was not notified."""

    NOT_PART = "not_part"
    LIVE = "live"
    ASKS_ITSELF = "asks_itself"
    ACCEPTED = "accepted"
    WAITING = "waiting"
    REFUSING = "refusing"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    NOT_NOTIFIED_OF_EXPIRY = "not_told_of_expiry"
    NO_ADDRESS = "no_address"
    PRUNED = "pruned"


# The verdict in a sentence, and its meaning or what can be done.
SENTENCES = {
    Verdict.NOT_PART: (
        "The app was not part of this session.",
        "Only apps that got a code in a session are notified of its end. The person used it in another one.",
    ),
    Verdict.LIVE: (
        "The app is still signed in by this session.",
        "Neither the session nor the app's part of it has ended, so there is nothing to notify.",
    ),
    Verdict.ASKS_ITSELF: (
        "The console needs no notification.",
        "It asks the provider with every request whether the session lives.",
    ),
    Verdict.ACCEPTED: (
        "The app was notified.",
        "It confirmed the Logout Token. If the person is still signed in there, examine it with the doctor.",
    ),
    Verdict.WAITING: (
        "Not yet: the notification waits for its next attempt.",
        "It is tried again by itself until it expires.",
    ),
    Verdict.REFUSING: (
        "The app refuses the notification.",
        "It answers, but not with success. Attempts go on; its log says why it refuses.",
    ),
    Verdict.EXPIRED: (
        "The app did not accept it in time.",
        "No attempt succeeded within the retry schedule. Sending it again starts the schedule anew.",
    ),
    Verdict.CANCELLED: (
        "An operator cancelled the notification.",
        "The reason is recorded with the delivery.",
    ),
    Verdict.SUPERSEDED: (
        "The person had signed in at the app again.",
        "The token would have named the person alone, and so would have ended the newer session.",
    ),
    Verdict.NOT_NOTIFIED_OF_EXPIRY: (
        "The app is not notified of expired sessions.",
        "The session expired, and the client's option told_of_expiry is off.",
    ),
    Verdict.NO_ADDRESS: (
        "The app had no address for notifications.",
        "At that time the client had no backchannel_logout_uri, so its own session ends when it decides.",
    ),
    Verdict.PRUNED: (
        "The record was deleted for its age.",
        "Deliveries are kept for a limited time after they have finished (CURFEW_DELIVERY_RETENTION).",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The verdict, and the rows that prove it."""

    verdict: Verdict
    client: Client
    session: Session
    client_session: ClientSession | None = None
    logout: Logout | None = None
    delivery: Delivery | None = None


_OF_STATE = {
    DeliveryState.ACCEPTED: Verdict.ACCEPTED,
    DeliveryState.PENDING: Verdict.WAITING,
    DeliveryState.EXPIRED: Verdict.EXPIRED,
    DeliveryState.CANCELLED: Verdict.CANCELLED,
    DeliveryState.SUPERSEDED: Verdict.SUPERSEDED,
}


def explain(client: Client, session: Session, *, sid: str | None = None) -> Explanation:
    """Return why a client was or was not notified of the end of a session.

    A client may have had several client sessions in it; without a `sid` the latest one is explained.
    """
    joined = _client_session(client, session, sid)
    if joined is None:
        return Explanation(verdict=Verdict.NOT_PART, client=client, session=session)
    logout = db.session.get(Logout, joined.logout_id) if joined.logout_id else None
    delivery = _delivery(client, joined, logout) if logout else None
    return Explanation(
        verdict=verdict_of(client, logout, delivery) if logout else Verdict.LIVE,
        client=client,
        session=session,
        client_session=joined,
        logout=logout,
        delivery=delivery,
    )


def _client_session(client: Client, session: Session, sid: str | None) -> ClientSession | None:
    """Return the client session with this sid, or the latest. Served by ix_client_session_session_id."""
    joined = select(ClientSession).where(
        ClientSession.session_id == session.id, ClientSession.client_id == client.id
    )
    if sid is not None:
        joined = joined.where(ClientSession.sid == sid)
    return db.session.scalars(joined.order_by(ClientSession.id.desc()).limit(1)).one_or_none()


def _delivery(client: Client, joined: ClientSession, logout: Logout) -> Delivery | None:
    """Return the delivery owed for this client session, or for all sessions of the person together."""
    owed = select(Delivery).where(notice.is_of_logout(logout.id), Delivery.recipient_id == client.id)
    found = [(one, notice.of(one)) for one in db.session.scalars(owed.order_by(Delivery.id))]
    for one, of_logout in found:
        if of_logout is not None and of_logout.sid in (joined.sid, None):
            return one
    return None


def verdict_of(client: Client, logout: Logout, delivery: Delivery | None) -> Verdict:
    """Return why an app of a logout was or was not notified, given the delivery owed to it, if any."""
    if delivery is not None:
        if delivery.shown_state == REFUSING:
            return Verdict.REFUSING
        return _OF_STATE[DeliveryState(delivery.state)]
    if is_own(client):
        return Verdict.ASKS_ITSELF
    if logout.reason in EXPIRY_REASONS and not client.told_of_expiry:
        return Verdict.NOT_NOTIFIED_OF_EXPIRY
    if logout.at < clock.now() - current.settings().delivery_retention:
        return Verdict.PRUNED
    return Verdict.NO_ADDRESS

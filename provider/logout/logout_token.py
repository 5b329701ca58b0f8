"""The Logout Token (backchannel §2.4), made afresh for each attempt at telling an RP.

Before every attempt it is asked again whether telling is still right: a session that lives is never
signed out, and a client that acts on `sub` alone is left in peace once the person has come back.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, select

from provider.clients.models import Client
from provider.delivery.outgoing import ClaimedDelivery, OutgoingRequest, Superseded, Undeliverable
from provider.infrastructure import clock, current
from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import new_handle
from provider.keys import jwt
from provider.sessions.models import ClientSession, Session

BACKCHANNEL_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
# DEC-14: such a token ends everything that the RP knows of the person, so it must not come late.
SUB_ONLY_RETRIES_END = timedelta(minutes=10)


def build(delivery: ClaimedDelivery) -> OutgoingRequest | Superseded | Undeliverable:
    """Build the request of one attempt, or say why there must be none any more."""
    row = db.session.execute(
        select(Client, _lives(delivery), _came_back(delivery)).where(Client.id == delivery.client_id)
    ).one_or_none()
    if row is None:
        return Undeliverable("no_client")
    client, lives, came_back = row
    # A disabled or deleted client is told all the same, where it was last known to listen (DLV-22).
    url = client.deliver_to or client.metadata_.backchannel_logout_uri
    if not url:
        return Undeliverable("no_address")
    if lives:
        # Design §1, promise 4: no false logout, whatever else has gone wrong.
        return Undeliverable("session_lives")
    if delivery.sid is None and (came_back or _is_late(delivery)):
        return Superseded()
    jti = new_handle()
    token = jwt.sign(
        _claims(delivery, client.client_id, jti),
        typ=jwt.LOGOUT_TOKEN_TYP,
        alg=client.metadata_.id_token_signed_response_alg,
    )
    return OutgoingRequest(url=url, fields={"logout_token": token}, jti=jti, recipient=client.client_id)


def _claims(delivery: ClaimedDelivery, audience: str, jti: str) -> dict[str, Any]:
    settings = current.settings()
    issued_at = int(clock.now().timestamp())
    # backchannel §2.4: a Logout Token must never carry a nonce, lest it pass for an ID Token.
    claims: dict[str, Any] = {
        "iss": settings.issuer,
        "aud": audience,
        "iat": issued_at,
        "exp": issued_at + int(settings.logout_token_lifetime.total_seconds()),
        "jti": jti,
        "events": {BACKCHANNEL_LOGOUT_EVENT: {}},
        "sub": delivery.sub,
    }
    if delivery.sid is not None:
        claims["sid"] = delivery.sid
    return claims


def _lives(delivery: ClaimedDelivery) -> ColumnElement[bool]:
    """Whether the very share of a session that the client is to end is still alive."""
    living = (ClientSession.ended_at.is_(None), Session.ended_at.is_(None))
    if delivery.sid is not None:
        this_share: tuple[ColumnElement[bool], ...] = (ClientSession.sid == delivery.sid,)
    else:
        # A share that is newer than the ending is not meant by it; it has come back instead.
        this_share = (
            ClientSession.session_id == delivery.session_id,
            ClientSession.client_id == delivery.client_id,
            ClientSession.created_at <= delivery.created_at,
        )
    return exists().where(ClientSession.session_id == Session.id, *this_share, *living)


def _came_back(delivery: ClaimedDelivery) -> ColumnElement[bool]:
    """Whether the person has had a newer share of a session at that client since the ending."""
    return exists().where(
        ClientSession.session_id == Session.id,
        ClientSession.client_id == delivery.client_id,
        ClientSession.created_at > delivery.created_at,
        Session.account_id == delivery.account_id,
    )


def _is_late(delivery: ClaimedDelivery) -> bool:
    return delivery.try_number > 1 and clock.now() > delivery.created_at + SUB_ONLY_RETRIES_END

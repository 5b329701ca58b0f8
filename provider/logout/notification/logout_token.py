"""The Logout Token (backchannel §2.4), minted afresh for each attempt to notify an RP.

Every attempt checks again whether the token is still right: a live session is never signed out, and a token
with `sub` alone is not sent once the person has a newer session at the client, because it would end that as
well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select

from provider.clients.models import Client, LogoutTokenNames
from provider.delivery.models import Delivery
from provider.delivery.outgoing import (
    Cancelled,
    LeasedDelivery,
    OutgoingRequest,
    Prepared,
    Superseded,
    Undeliverable,
    form,
)
from provider.infrastructure import clock, current
from provider.infrastructure.built_once import fetch
from provider.infrastructure.database import connection, is_sqlite
from provider.infrastructure.many_rows import given_ids, is_given
from provider.infrastructure.opaque_tokens import new_handle
from provider.keys import jwt
from provider.logout.notice import ACCOUNT_ID, SESSION_ID, SID, SUB
from provider.sessions.models import ClientSession, Session

BACKCHANNEL_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
CLIENT_DELETED = "client_deleted"


def prepare(deliveries: Sequence[LeasedDelivery]) -> dict[UUID, Prepared]:
    """Read the data for these attempts in one statement; each token is signed when it is sent."""
    by_id = {delivery.id: delivery for delivery in deliveries}
    rows = fetch(connection(), _needed(sqlite=is_sqlite()), given_ids(by_id))
    prepared: dict[UUID, Prepared] = {}
    for delivery_id, sub, sid, lives, came_back, *of_client in rows:
        del by_id[delivery_id]
        receiver = _receiver(*of_client)
        prepared[delivery_id] = _decide(receiver, sub, sid, lives=lives, came_back=came_back)
    return prepared | dict.fromkeys(by_id, Cancelled(CLIENT_DELETED))


@cache
def _needed(*, sqlite: bool) -> Select[Any]:
    return (
        select(Delivery.id, SUB, SID, _lives(), _came_back(), *_OF_CLIENT)
        .join(Client, Client.id == Delivery.recipient_id)
        .where(is_given(Delivery.id, sqlite=sqlite))
    )


def logout_url_of(client: Client) -> str | None:
    """Return the URL at which a client is notified of logouts.

    A disabled or deleted client is still notified, at its last known address (DLV-22).
    """
    return client.deliver_to or client.metadata_.backchannel_logout_uri


@dataclass(frozen=True, slots=True, kw_only=True)
class _Receiver:
    """The fields of a client that a sending thread needs; it must not query the database for them."""

    url: str
    client_id: str
    alg: str
    names: LogoutTokenNames
    is_slow: bool
    is_deleted: bool


# Extracted by the database: whole clients are large, and a backlog concerns many of them.
_OF_CLIENT = (
    func.coalesce(Client.deliver_to, Client.registered["backchannel_logout_uri"].as_string()),
    Client.client_id,
    Client.registered["id_token_signed_response_alg"].as_string(),
    Client.logout_token_names,
    Client.slow,
    Client.deleted_at.is_not(None),
)


def _receiver(
    url: str | None, client_id: str, alg: str | None, names: str, is_slow: bool, is_deleted: bool
) -> _Receiver | None:
    if alg is None:
        # The row does not hold a client's metadata; this is our defect and costs the client no attempt.
        raise ValueError(f"the client {client_id} cannot be read")
    if not url:
        return None
    return _Receiver(
        url=url,
        client_id=client_id,
        alg=alg,
        names=LogoutTokenNames(names),
        is_slow=is_slow,
        is_deleted=is_deleted,
    )


def _decide(
    receiver: _Receiver | None, sub: str, sid: str | None, *, lives: bool, came_back: bool
) -> Prepared:
    if receiver is None:
        return Undeliverable("no_address")
    if lives:
        # Design §1, promise 4: no false logout, whatever else has gone wrong.
        return Undeliverable("session_lives")
    if came_back:
        # DEC-14: the token would end a newer session of the person.
        return Superseded()
    return partial(_build, receiver, sub, sid)


def _build(receiver: _Receiver, sub: str, sid: str | None) -> OutgoingRequest:
    jti = new_handle()
    token = jwt.sign(_claims(receiver, sub, sid, jti), typ=jwt.LOGOUT_TOKEN_TYP, alg=receiver.alg)
    return OutgoingRequest(
        url=receiver.url,
        send=form(receiver.url, {"logout_token": token}),
        jti=jti,
        name=receiver.client_id,
        is_slow=receiver.is_slow,
        gone=CLIENT_DELETED if receiver.is_deleted else None,
    )


def _claims(receiver: _Receiver, sub: str, sid: str | None, jti: str) -> dict[str, Any]:
    settings = current.settings()
    issued_at = int(clock.now().timestamp())
    # backchannel §2.4: a Logout Token must never carry a nonce, so that it cannot pass for an ID Token.
    claims: dict[str, Any] = {
        "iss": settings.issuer,
        "aud": receiver.client_id,
        "iat": issued_at,
        "exp": issued_at + int(settings.logout_token_lifetime.total_seconds()),
        "jti": jti,
        "events": {BACKCHANNEL_LOGOUT_EVENT: {}},
    }
    if receiver.names is not LogoutTokenNames.SID or sid is None:
        claims["sub"] = sub
    if receiver.names is not LogoutTokenNames.SUB and sid is not None:
        claims["sid"] = sid
    return claims


def _lives() -> ColumnElement[bool]:
    """Return whether the client session that the token names is still alive."""
    living = (ClientSession.ended_at.is_(None), Session.ended_at.is_(None))
    by_sid = exists().where(ClientSession.session_id == Session.id, ClientSession.sid == SID, *living)
    # A client session that is newer than the logout is not affected: the person has come back.
    by_session = exists().where(
        ClientSession.session_id == Session.id,
        ClientSession.session_id == SESSION_ID,
        ClientSession.client_id == Delivery.recipient_id,
        ClientSession.created_at <= Delivery.created_at,
        *living,
    )
    return case((SID.is_not(None), by_sid), else_=by_session)


def _came_back() -> ColumnElement[bool]:
    """Return whether the token would name `sub` alone and the person has a newer session at the client."""
    sub_alone = or_(SID.is_(None), Client.logout_token_names == LogoutTokenNames.SUB.value)
    newer = exists().where(
        ClientSession.session_id == Session.id,
        ClientSession.client_id == Delivery.recipient_id,
        ClientSession.created_at > Delivery.created_at,
        Session.account_id == ACCOUNT_ID,
    )
    return and_(sub_alone, newer)

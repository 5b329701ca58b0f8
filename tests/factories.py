"""The smallest valid things: people, clients, sessions and what hangs on them.

Three people are enough for every story: Ada signs in, Ben is another person, Cleo administers. Three
relying parties: red, green, blue. Each function commits what it makes.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from argon2 import PasswordHasher

from provider.accounts import hash_sealing
from provider.accounts.models import Account
from provider.clients.models import Client
from provider.clients.secrets import keep as keep_secret
from provider.grants import lifecycle as grants
from provider.grants.models import Grant
from provider.infrastructure import clock, current
from provider.infrastructure.database import db, transaction, write_gathered
from provider.infrastructure.opaque_tokens import new_id, new_subject
from provider.protocol.acr import PASSWORD_ACR
from provider.protocol.client_registration import read_registration
from provider.sessions import lifecycle
from provider.sessions.models import ClientSession, Session
from provider.tokens import access
from provider.tokens.models import AccessToken
from tests.support import rows

# Of a client whose people never see the result page first: no worker notifies anybody in most tests.
STRAIGHT_BACK = {"result_page": "never"}
PASSWORD = "correct horse battery staple"


def make_account(username: str = "ada", **claims: Any) -> Account:
    """A person who signs in with PASSWORD."""
    now, account_id = clock.now(), new_id()
    password_hash = hash_sealing.seal(_hash_of_password(), account_id)
    with transaction():
        return rows.insert(
            Account,
            id=account_id,
            sub=new_subject(),
            username=username,
            folded_username=username.casefold(),
            password_hash=password_hash,
            claims={"name": username.title(), "email": f"{username}@example.test"} | claims,
            created_at=now,
            updated_at=now,
        )


def _hash_of_password() -> str:
    """Return a hash of PASSWORD with the settings of the application, made once for these."""
    settings = current.settings()
    return _hash_with(settings.argon2_passes, settings.argon2_memory)


@cache
def _hash_with(passes: int, memory: int) -> str:
    return PasswordHasher(time_cost=passes, memory_cost=memory, parallelism=1).hash(PASSWORD)


def secret_of(client_id: str) -> str:
    """The secret of a client that the factories made."""
    return f"{client_id}-secret-of-thirty-two-letters"


def make_client(
    client_id: str = "red",
    *,
    first_party: bool = True,
    port: int | None = None,
    settings: dict[str, Any] | None = None,
    **metadata: Any,
) -> Client:
    """A confidential first-party web client with every URI it needs; `port` says where its server listens."""
    origin = f"http://127.0.0.1:{port}" if port else f"https://{client_id}.test"
    registered = {
        "client_name": client_id.title(),
        "redirect_uris": [f"{origin}/callback"],
        "post_logout_redirect_uris": [f"{origin}/signed-out"],
        "backchannel_logout_uri": f"{origin}/backchannel-logout",
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid profile email address phone offline_access",
        "client_uri": origin,
    } | metadata
    registered = {name: value for name, value in registered.items() if value is not None}
    now = clock.now()
    new = Client(client_id=client_id)
    keep_secret(new, secret_of(client_id))
    values = {
        "registered": json.loads(_registration_of(json.dumps(registered))),
        "first_party": first_party,
        "secret_digest": new.secret_digest,
        "secret_generation": new.secret_generation,
    } | (settings or {})
    with transaction():
        return rows.insert(Client, id=new_id(), client_id=client_id, created_at=now, updated_at=now, **values)


@cache
def _registration_of(asked: str) -> str:
    """Return what a client registers by this metadata, both as JSON; most clients register the same."""
    return json.dumps(read_registration(json.loads(asked)).to_wire())


@dataclass
class SignedIn:
    """A session as the factories made it: the cookie's handle, and client sessions by client_id."""

    session: Session
    handle: str
    client_sessions: dict[str, ClientSession]
    grants: dict[str, Grant]


def make_session(
    account: Account,
    clients: list[Client] = (),
    *,
    offline: tuple[str, ...] = (),
    scope: str = "openid profile",
) -> SignedIn:
    """A session of a person with a client session for each client; those in `offline` have offline grants."""
    with transaction():
        session, handle = lifecycle.start(
            account, ip="192.0.2.1", device="Firefox on Linux", amr="pwd", acr=PASSWORD_ACR
        )
        known = rows.known(Session, session, "ended_at", "logout_id")
        made = SignedIn(known, handle, client_sessions={}, grants={})
        for client in clients:
            is_offline = client.client_id in offline
            grant = grants.create(
                account,
                client,
                scope=f"{scope} offline_access" if is_offline else scope,
                sid=lifecycle.new_sid(),
                provider_epoch=session.provider_epoch,
                offline=is_offline,
            )
            client_session = lifecycle.join(session, client, grant)
            made.grants[client.client_id] = rows.known(Grant, grant, "revoked_at", "logout_id")
            made.client_sessions[client.client_id] = rows.known(
                ClientSession, client_session, "ended_at", "logout_id"
            )
    return made


def give_access_token(
    made: SignedIn, client: Client, *, signed: bool | None, lives: timedelta, actor: Client | None = None
) -> None:
    """Give a client of a session another access token that lives for so long.

    `signed` is what the row says of its format; None is a row of a release that did not say.
    """
    with transaction():
        _handle, issued = access.issue_for_grant(
            client,
            made.grants[client.client_id],
            made.client_sessions[client.client_id],
            made.session,
            scope="openid",
            family_id=new_id(),
            offline=False,
            actor=actor,
        )
        write_gathered()
        token = db.session.get_one(AccessToken, issued.id)
        token.is_signed = signed
        token.expires_at = token.created_at + lives

"""Issue an authorization code, and use it up."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import Table, Uuid, bindparam, update

from provider.clients.models import Client
from provider.grants.models import Grant
from provider.infrastructure import clock, current
from provider.infrastructure.database import NOW, Base, Outdated
from provider.infrastructure.one_row import change_at_commit, change_by, insert_at_commit
from provider.infrastructure.opaque_tokens import digest_of, new_handle
from provider.sessions.models import ClientSession, Session
from provider.tokens.models import AuthorizationCode

CODE_PREFIX = "cfc_"


def issue(
    client: Client,
    grant: Grant,
    client_session: ClientSession,
    session: Session,
    *,
    code_id: UUID,
    redirect_uri: str,
    scope: str,
    nonce: str | None,
    code_challenge: str | None,
    about_tokens: Mapping[str, Any] = MappingProxyType({}),
) -> str:
    """Issue a code for a client session; returns its handle."""
    now = clock.now()
    handle = new_handle(CODE_PREFIX)
    values = {
        "id": code_id,
        "digest": digest_of(handle),
        "grant_id": grant.id,
        "client_session_id": client_session.id,
        "client_id": client.id,
        "redirect_uri": redirect_uri,
        "scope": scope,
        "nonce": nonce,
        "code_challenge": code_challenge,
        # The ID Token names the sign-in that this code was issued for, even if another follows at once.
        "request": {"auth_time": session.authenticated_at.timestamp(), "amr": session.amr, "acr": session.acr}
        | dict(about_tokens),
        "created_at": now,
        "expires_at": now + current.settings().code_lifetime,
    }
    insert_at_commit(AuthorizationCode, values)
    return handle


def use(code: AuthorizationCode) -> bool:
    """Use up a code; only one of any number of callers gets True (rfc6749 §4.1.2)."""
    return change_by(_USE, code_id=code.id, now=clock.now()) == 1


def use_at_commit(code: AuthorizationCode) -> None:
    """Use up a code at the commit, which raises Outdated if another caller was first."""
    change_at_commit(_USE, otherwise=Outdated(), code_id=code.id, now=clock.now())


_table: Table = Base.metadata.tables["authorization_code"]
_USE = (
    update(_table)
    .where(_table.c.id == bindparam("code_id", type_=Uuid()), _table.c.used_at.is_(None))
    .values(used_at=NOW)
)

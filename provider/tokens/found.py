"""Codes and tokens as the hot paths find them: by the statements of `liveness`, in rows that are only read.

Nearly every request of an app asks for one of these. What changes a row that it has found asks `liveness`.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import literal, select, true

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.clients.queries import IS_NAMED, WHOLE
from provider.grants.models import Grant
from provider.infrastructure.read_only_rows import ReadOnly, columns_of, find_one
from provider.sessions.models import ClientSession, Session
from provider.tokens.conditions import Actor
from provider.tokens.liveness import (
    CODE_IS_VALID,
    REFRESH_TOKEN_IS_VALID,
    FoundCode,
    FoundRefreshToken,
    LiveAccessToken,
    by_handle,
    locked,
    may_be_refreshed,
    may_still_act,
    valid_access_token,
    with_all_above,
)
from provider.tokens.models import AccessToken, AuthorizationCode, RefreshToken

_CLIENT = ReadOnly(
    Client,
    *("id", "client_id", "registered", "first_party", "self_registered", "registrant"),
    *("epoch", "credentials_epoch", "id_token_claims", "refresh_reuse_interval"),
)
_ACCOUNT = ReadOnly(Account, *("id", "username", "claims", "role", "updated_at", "disabled_at", "deleted_at"))
_GRANT = ReadOnly(Grant, "id", "account_id", "sub", "scope", "offline", "expires_at", "provider_epoch")
_CLIENT_SESSION = ReadOnly(ClientSession, "id", "sid")
_SESSION = ReadOnly(
    Session,
    *("id", "authenticated_at", "amr", "acr", "last_seen_at", "expires_at", "ends_at", "is_device"),
)
_CODE, _REFRESH_TOKEN = ReadOnly(AuthorizationCode), ReadOnly(RefreshToken)


def find_code(handle: str) -> FoundCode | None:
    """Find a code, used or not, in one statement and behind its grant's row.

    A code needs a live client session, even when the grant is an offline one.
    """
    row = find_one(_LOCKED_CODE, by_handle(handle))
    if row is None:
        return None
    values = iter(row)
    return FoundCode(code=_CODE.take(values), **_all_above(values), is_valid=bool(next(values)))


def read_refresh_token(handle: str) -> FoundRefreshToken | None:
    """Find a refresh token, valid or not, in one statement and behind its grant's row."""
    row = find_one(_LOCKED_REFRESH_TOKEN, by_handle(handle))
    if row is None:
        return None
    values = iter(row)
    token, above = _REFRESH_TOKEN.take(values), _all_above(values)
    is_valid = bool(next(values)) and may_be_refreshed(above["client"], token)
    return FoundRefreshToken(token=token, **above, is_valid=is_valid)


def _all_above(values: Any) -> dict[str, Any]:
    return {name: part.take(values) for name, part in _ABOVE.items()}


_ABOVE: dict[str, ReadOnly[Any]] = {
    "client": _CLIENT,
    "grant": _GRANT,
    "account": _ACCOUNT,
    "client_session": _CLIENT_SESSION,
    "session": _SESSION,
}
_LOCKED_CODE = locked(with_all_above(AuthorizationCode, *columns_of(_CODE, *_ABOVE.values()), CODE_IS_VALID))
_LOCKED_REFRESH_TOKEN = locked(
    with_all_above(RefreshToken, *columns_of(_REFRESH_TOKEN, *_ABOVE.values()), REFRESH_TOKEN_IS_VALID)
)

_SHOWN = ReadOnly(
    AccessToken,
    *("id", "scope", "audience", "claims", "cnf", "auth_time", "acr", "amr", "created_at", "expires_at"),
)
_ITS_CLIENT = ReadOnly(Client, "id", "client_id", "registered", "self_registered", "registrant")
_ITS_ACTOR = ReadOnly(
    Client,
    *("id", "client_id", "registered", "self_registered", "registrant", "may_exchange_tokens_of"),
    aliased=Actor,
)
_ITS_GRANT = ReadOnly(Grant, "id", "sub")
_ITS_ACCOUNT = ReadOnly(Account, "id", "username", "claims", "updated_at")
_ITS_SESSION = ReadOnly(Session, "id", "authenticated_at")
_VALID_ACCESS_TOKEN = valid_access_token(
    *columns_of(_SHOWN, _ITS_CLIENT, _ITS_GRANT, _ITS_ACCOUNT, _CLIENT_SESSION, _ITS_SESSION, _ITS_ACTOR)
)


def read_access_token(handle: str) -> LiveAccessToken | None:
    """Find a valid access token, in one statement. Served by the unique index on its digest."""
    row = find_one(_VALID_ACCESS_TOKEN, by_handle(handle))
    return None if row is None else _live(iter(row))


def read_with_client(handle: str, client_id: str) -> tuple[Client | None, LiveAccessToken | None]:
    """Find a valid access token and the client that asks about it, by its client_id, in one statement."""
    row = find_one(_WITH_CLIENT, by_handle(handle) | {"client_id": client_id})
    if row is None:
        return None, None
    values = iter(row)
    client = WHOLE.take(values)
    return client, None if row[-1] is None else _live(values)


# One row if the client exists, whether or not the token is found.
_FOUND = _VALID_ACCESS_TOKEN.add_columns(literal(True).label("is_found")).subquery()
_WITH_CLIENT = select(*WHOLE.columns, *_FOUND.columns).outerjoin(_FOUND, true()).where(IS_NAMED)


def _live(values: Iterator[Any]) -> LiveAccessToken | None:
    found = LiveAccessToken(
        token=_SHOWN.take(values),
        client=_ITS_CLIENT.take(values),
        grant=_ITS_GRANT.take_if_any(values),
        account=_ITS_ACCOUNT.take_if_any(values),
        client_session=_CLIENT_SESSION.take_if_any(values),
        session=_ITS_SESSION.take_if_any(values),
        actor=_ITS_ACTOR.take_if_any(values),
    )
    return found if may_still_act(found.actor, found.client) else None

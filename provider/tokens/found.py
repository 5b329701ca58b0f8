"""Codes and tokens as the hot paths find them: by the statements of `liveness`, as read-only rows.

Nearly every request of an app looks up one of these. Code that changes a row finds it by `liveness` instead.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import select, true

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.clients.queries import IS_NAMED, PROVING, READ_PROVING
from provider.grants.models import Grant
from provider.infrastructure.read_only_rows import ReadOnly, columns_of, find_one, find_together
from provider.sessions.models import ClientSession, Session
from provider.tokens.conditions import Actor
from provider.tokens.liveness import (
    CODE_IS_VALID,
    REFRESH_TOKEN_IS_VALID,
    AnySelect,
    FoundCode,
    FoundRefreshToken,
    LiveAccessToken,
    by_handle,
    locked,
    may_be_refreshed,
    may_still_act,
    valid_access_token,
    valid_unless_held,
    with_all_above,
)
from provider.tokens.models import AccessToken, AuthorizationCode, RefreshToken

Row = list[Any]

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
    """Find a code, used or not, in one statement that locks its grant's row.

    A code needs a live client session, even when the grant is an offline one.
    """
    return _found_code(find_one(_LOCKED_CODE, by_handle(handle)))


def find_code_with_client(handle: str, client_id: str) -> tuple[Client | None, FoundCode | None]:
    """Find it together with the client that presents it, by its client_id, with what proves the client."""
    client, row = find_together((READ_PROVING, {"client_id": client_id}), (_LOCKED_CODE, by_handle(handle)))
    return PROVING.take_row(client), _found_code(row)


def _found_code(row: Row | None) -> FoundCode | None:
    if row is None:
        return None
    values = iter(row)
    return FoundCode(code=_CODE.take(values), **_all_above(values), is_valid=bool(next(values)))


def read_refresh_token(handle: str) -> FoundRefreshToken | None:
    """Find a refresh token, valid or not, in one statement that locks its grant's row."""
    return _found_refresh_token(find_one(_LOCKED_REFRESH_TOKEN, by_handle(handle)))


def read_refresh_token_with_client(
    handle: str, client_id: str
) -> tuple[Client | None, FoundRefreshToken | None]:
    """Find it together with the client that presents it, by its client_id, with what proves the client."""
    client, row = find_together(
        (READ_PROVING, {"client_id": client_id}), (_LOCKED_REFRESH_TOKEN, by_handle(handle))
    )
    return PROVING.take_row(client), _found_refresh_token(row)


def _found_refresh_token(row: Row | None) -> FoundRefreshToken | None:
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

_ITS_GRANT = ReadOnly(Grant, "id", "sub")
_ITS_SESSION = ReadOnly(Session, "id", "authenticated_at")
_TO_BE_USED: dict[str, ReadOnly[Any]] = {
    "token": ReadOnly(
        AccessToken,
        *("id", "scope", "audience", "claims", "cnf", "auth_time", "acr", "amr", "created_at", "expires_at"),
    ),
    "client": ReadOnly(Client, "id", "client_id", "registered", "self_registered", "registrant"),
    "grant": _ITS_GRANT,
    "account": ReadOnly(Account, "id", "username", "claims", "updated_at"),
    "client_session": _CLIENT_SESSION,
    "session": _ITS_SESSION,
}
# A token that a service got by token exchange. Such tokens are rare, and each join costs PostgreSQL a
# twentieth of the whole lookup, so only they are looked up by a second statement, which joins the service and
# has all conditions.
_HELD_TO_BE_USED = _TO_BE_USED | {
    "actor": ReadOnly(
        Client,
        *("id", "client_id", "registered", "self_registered", "registrant", "may_exchange_tokens_of"),
        aliased=Actor,
    ),
}
_VALID_ACCESS_TOKEN = valid_unless_held(*columns_of(*_TO_BE_USED.values()))
_VALID_HELD_TOKEN = valid_access_token(*columns_of(*_HELD_TO_BE_USED.values()))
# A service that introspects a token learns less than the app that uses it.
_TO_BE_DESCRIBED: dict[str, ReadOnly[Any]] = {
    "token": ReadOnly(
        AccessToken,
        *("id", "scope", "audience", "cnf", "auth_time", "acr", "amr", "created_at", "expires_at"),
    ),
    "client": ReadOnly(Client, "id", "client_id", "registered"),
    "grant": _ITS_GRANT,
    "account": ReadOnly(Account, "id", "username"),
    "client_session": _CLIENT_SESSION,
    "session": _ITS_SESSION,
}
_HELD_TO_BE_DESCRIBED = _TO_BE_DESCRIBED | {
    "actor": ReadOnly(Client, "id", "client_id", "may_exchange_tokens_of", aliased=Actor),
}


def _with_client(valid: Callable[..., AnySelect], parts: Mapping[str, ReadOnly[Any]]) -> AnySelect:
    """Select a token with the client that introspects it: one row if the client exists, token or not."""
    # The names are short because the driver parses a statement of more than 4,096 bytes again at each
    # execution.
    named = (column.label(f"c{number}") for number, column in enumerate(columns_of(*parts.values())))
    token = valid(*named).subquery("t")
    return select(*PROVING.columns, *token.columns).outerjoin(token, true()).where(IS_NAMED)


_WITH_CLIENT = _with_client(valid_unless_held, _TO_BE_DESCRIBED)
_HELD_WITH_CLIENT = _with_client(valid_access_token, _HELD_TO_BE_DESCRIBED)


def read_access_token(handle: str) -> LiveAccessToken | None:
    """Find a valid access token, in one statement, or two if a service holds it.

    Served by the unique index on its digest.
    """
    asked, parts = by_handle(handle), _TO_BE_USED
    row = find_one(_VALID_ACCESS_TOKEN, asked)
    if row is not None and row[-1] is not None:
        row, parts = find_one(_VALID_HELD_TOKEN, asked), _HELD_TO_BE_USED
    return None if row is None else _live(parts, iter(row))


def read_with_client(handle: str, client_id: str) -> tuple[Client | None, LiveAccessToken | None]:
    """Find a valid access token, and by its client_id the client that introspects it, in the same way.

    The client comes with its credentials, the token only with what introspection may reveal.
    """
    asked, parts = by_handle(handle) | {"client_id": client_id}, _TO_BE_DESCRIBED
    row = find_one(_WITH_CLIENT, asked)
    if row is not None and row[-1] is not None:
        row, parts = find_one(_HELD_WITH_CLIENT, asked), _HELD_TO_BE_DESCRIBED
    if row is None:
        return None, None
    values = iter(row)
    return PROVING.take(values), _live(parts, values)


def _live(parts: Mapping[str, ReadOnly[Any]], values: Iterator[Any]) -> LiveAccessToken | None:
    rows: dict[str, Any] = {name: part.take_if_any(values) for name, part in parts.items()}
    if rows["token"] is None or not may_still_act(rows.get("actor"), rows["client"]):
        return None
    return LiveAccessToken(**rows)

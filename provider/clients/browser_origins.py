"""The origins of apps whose pages use the account API in a browser.

A preflight names no client, so its origin is looked up among all clients. One lookup serves all preflights
within a second, so that a flood of them does not read the clients continually.
"""

from datetime import timedelta

from provider.clients import queries
from provider.infrastructure import current
from provider.infrastructure.database import db
from provider.infrastructure.database_errors import AWAY, log_failure
from provider.infrastructure.database_wait import waiting_at_most
from provider.infrastructure.shared_round import SharedRound
from provider.protocol.uri import MalformedURI, parse_web_uri

_BOUND = timedelta(seconds=2)
_SHARED_FOR = timedelta(seconds=1)


def uses_account_api(origin: str) -> bool:
    """Return whether pages of this origin belong to a client that may use the account API."""
    shared: SharedRound[set[str]] = current.memo("browser-origins", _make_round)
    return origin in shared.ask(_look)


def origin_of(uri: str) -> str | None:
    """Return the origin of a redirect URI; an app behind a private-use scheme has none."""
    try:
        return parse_web_uri(uri).ascii_origin
    except MalformedURI:
        return None


def _make_round() -> SharedRound[set[str]]:
    return SharedRound(set, bound=_BOUND, shared_for=_SHARED_FOR)


def _look(found: set[str]) -> None:
    try:
        with waiting_at_most(current.settings().database_deadline), db.engine.connect() as connection:
            apps = [one for one in queries.list_public(connection) if one.may_use_account_api]
    except AWAY as exc:
        log_failure("browser_origins_not_read", exc)
        return
    uris = [uri for app in apps for uri in app.metadata_.redirect_uris]
    found.update(filter(None, map(origin_of, uris)))

"""Read `CURFEW_RP` from the settings, and build the sessions from it once per process."""

from datetime import timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from curfew_rp.app_session import AppSessions
from curfew_rp.django.sessions import delete_sessions
from curfew_rp.receiver import Logout, make_receiver
from curfew_rp.stores import Store
from curfew_rp.stores.django_cache import DjangoCacheStore

NAMES = {"issuer", "client_id", "store", "session_lifetime", "algorithms", "ca_bundle", "on_logout"}
_REQUIRED = {"issuer", "client_id", "store"}


def options() -> dict[str, Any]:
    """Return `CURFEW_RP`; raises ImproperlyConfigured for missing and unknown names."""
    found: dict[str, Any] = getattr(settings, "CURFEW_RP", {})
    unknown, missing = found.keys() - NAMES, _REQUIRED - found.keys()
    if unknown or missing:
        wrong = sorted(unknown) or sorted(missing)
        raise ImproperlyConfigured(f"CURFEW_RP {'has unknown' if unknown else 'lacks'} {', '.join(wrong)}")
    return found


@lru_cache(maxsize=1)
def the_sessions() -> AppSessions:
    """Return the sessions of this project.

    `store` is a URL or `cache:ALIAS`; `session_lifetime` is SESSION_COOKIE_AGE by default, and `on_logout`
    the path of a function that is called after Django's sessions are deleted.
    """
    chosen = {"session_lifetime": timedelta(seconds=settings.SESSION_COOKIE_AGE), **options()}
    return AppSessions(make_receiver(**{**chosen, "store": _store(chosen["store"]), "on_logout": _on_logout}))


def _store(named: Store | str) -> Store | str:
    if isinstance(named, str) and named.startswith("cache:"):
        return DjangoCacheStore(caches[named.removeprefix("cache:")])
    return named


def _on_logout(logout: Logout) -> None:
    delete_sessions(logout.local_ids)
    named = options().get("on_logout")
    if named:
        (import_string(named) if isinstance(named, str) else named)(logout)

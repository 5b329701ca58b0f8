"""The Django app: connects the signals of sign-ins, and checks the settings."""

from importlib import metadata
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

_LOCAL_CACHES = ("locmem.LocMemCache", "dummy.DummyCache")
_EVICTING_CACHES = ("db.DatabaseCache", "memcached.PyMemcacheCache", "memcached.PyLibMCCache")
_ALLAUTH_KEEPS_ID_TOKENS = (65, 11)
_MIDDLEWARE = "curfew_rp.django.middleware.LogoutMiddleware"


class CurfewRPConfig(AppConfig):  # type: ignore[misc]
    """The Django app for sign-out by the provider."""

    name = "curfew_rp.django"
    label = "curfew_rp"

    def ready(self) -> None:
        """Connect the signals of Django and, where it is installed, of allauth."""
        from curfew_rp.django import sign_ins

        sign_ins.connect()
        checks.register(check_settings)


def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """Find settings that would keep an ended session alive; for `manage.py check`."""
    from curfew_rp.django.conf import options

    try:
        store = options()["store"]
    except ImproperlyConfigured as exc:
        return [checks.Error(str(exc), id="curfew_rp.E001")]
    found = []
    if _MIDDLEWARE not in settings.MIDDLEWARE:
        hint = f"Add {_MIDDLEWARE} below SessionMiddleware and AuthenticationMiddleware."
        found.append(checks.Error("Ended sessions are not refused.", hint=hint, id="curfew_rp.E002"))
    if isinstance(store, str) and store.startswith("cache:"):
        found.extend(_check_cache(settings.CACHES.get(store.removeprefix("cache:"), {}).get("BACKEND", "")))
    found.extend(_check_allauth())
    if store == "memory:" and not settings.DEBUG:
        found.append(checks.Warning("Other processes do not see logouts.", id="curfew_rp.W001"))
    return found


def _check_allauth() -> list[checks.CheckMessage]:
    if not apps.is_installed("allauth.account"):
        return []
    major, minor = metadata.version("django-allauth").split(".")[:2]
    if (int(major), int(minor)) < _ALLAUTH_KEEPS_ID_TOKENS:
        problem = "This django-allauth keeps no ID Token, so that no logout finds its session."
        return [checks.Error(problem, hint="Install django-allauth 65.11 or newer.", id="curfew_rp.E006")]
    if not apps.is_installed("allauth.socialaccount.providers.openid_connect"):
        problem = "django-allauth signs in by OpenID Connect only with its provider openid_connect."
        return [checks.Warning(problem, id="curfew_rp.W002")]
    return []


def _check_cache(backend: str) -> list[checks.CheckMessage]:
    if not backend:
        return [checks.Error("CURFEW_RP names a cache that is not in CACHES.", id="curfew_rp.E003")]
    if backend.endswith(_LOCAL_CACHES) and not settings.DEBUG:
        return [checks.Error("Other processes do not see logouts in this cache.", id="curfew_rp.E004")]
    if backend.endswith(_EVICTING_CACHES):
        problem = "This cache drops entries when it is full, so that ended sessions would be accepted again."
        return [checks.Error(problem, id="curfew_rp.E005")]
    return []

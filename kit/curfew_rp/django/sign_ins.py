"""Learns from the signals of mozilla-django-oidc and django-allauth which sign-in a session belongs to."""

from collections.abc import Mapping
from typing import Any

import jwt
from django.apps import apps
from django.contrib.auth import load_backend
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core.exceptions import ImproperlyConfigured

from curfew_rp.app_session import user_of
from curfew_rp.django.conf import the_sessions
from curfew_rp.django.sessions import local_id_of
from curfew_rp.errors import CannotTell
from curfew_rp.strict_json import read_object


def connect() -> None:
    """Connect the signals."""
    user_logged_in.connect(_by_mozilla_django_oidc, dispatch_uid="curfew_rp")
    user_logged_out.connect(_signed_out, dispatch_uid="curfew_rp")
    if apps.is_installed("allauth.account"):
        from allauth.account.signals import user_logged_in as by_allauth

        by_allauth.connect(_by_allauth, dispatch_uid="curfew_rp")


def _by_mozilla_django_oidc(request: Any, user: Any, **_: Any) -> None:
    if not _is_of_mozilla_django_oidc(user):
        return
    id_token = request.session.get("oidc_id_token")
    if not id_token:
        raise ImproperlyConfigured("OIDC_STORE_ID_TOKEN must be True, so that a logout finds its session")
    # Its signature and claims have just been verified, by the backend that has stored it.
    remember(request, read_object(jwt.utils.base64url_decode(id_token.split(".")[1])), id_token)


def _is_of_mozilla_django_oidc(user: Any) -> bool:
    if not apps.is_installed("mozilla_django_oidc") or not getattr(user, "backend", None):
        return False
    from mozilla_django_oidc.auth import OIDCAuthenticationBackend

    return isinstance(load_backend(user.backend), OIDCAuthenticationBackend)


def _by_allauth(request: Any, sociallogin: Any = None, **_: Any) -> None:
    """Keep the claims of the ID Token, which allauth has just verified; another provider's are not ours."""
    if sociallogin is None:
        return
    claims = sociallogin.account.extra_data.get("id_token")
    if isinstance(claims, Mapping):
        remember(request, claims)


def remember(request: Any, claims: Mapping[str, Any], id_token: str | None = None) -> None:
    """Keep a sign-in by the claims of its validated ID Token: call it after a sign-in by other software.

    Claims of another issuer than that of `CURFEW_RP` are ignored. A sign-in that the provider has ended
    meanwhile is undone. Raises CannotTell, which the middleware answers with 503, and SignInRefused.
    """
    sessions = the_sessions()
    if claims.get("iss") != sessions.index.issuer:
        return
    try:
        is_live = sessions.keep(request.session, claims, local_id_of(request.session), id_token)
    except CannotTell:
        _undo(request)
        raise
    if not is_live:
        _undo(request)


def _undo(request: Any) -> None:
    request.session.flush()
    request.user = AnonymousUser()


def _signed_out(request: Any, **_: Any) -> None:
    """Forget a session that a person signs out of; Django deletes it after this."""
    user = user_of(request.session) if hasattr(request, "session") else None
    if user is not None:
        the_sessions().forget(user)

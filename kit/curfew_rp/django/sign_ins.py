"""Learn from the signals of mozilla-django-oidc and django-allauth which sign-in a session belongs to."""

import logging
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

_log = logging.getLogger("curfew_rp")
_SHOWN_CHARACTERS = 80


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
    # The backend that stored the token has just verified its signature and claims.
    remember(request, _claims_in(id_token), id_token)


def follow_renewal(request: Any) -> None:
    """Adopt the newer sign-in of a session in which the same person has signed in again.

    mozilla-django-oidc stores its ID Token, but sends no signal in this case. A sign-in that the provider has
    already ended is undone. Raises CannotTell.
    """
    user = user_of(request.session) if request.session.modified else None
    id_token = request.session.get("oidc_id_token") if user is not None else None
    if user is None or not isinstance(id_token, str) or id_token == user.id_token:
        return
    claims = _claims_in(id_token)
    is_same = (claims.get("sid"), claims.get("iat")) == (user.sign_in.sid, user.sign_in.issued_at)
    if is_same or claims.get("iss") != user.sign_in.iss:
        return
    sessions = the_sessions()
    if not sessions.renew(request.session, claims, local_id_of(request.session), id_token):
        _undo(request)


def _claims_in(id_token: str) -> dict[str, Any]:
    return read_object(jwt.utils.base64url_decode(id_token.split(".")[1]))


def _is_of_mozilla_django_oidc(user: Any) -> bool:
    if not apps.is_installed("mozilla_django_oidc") or not getattr(user, "backend", None):
        return False
    from mozilla_django_oidc.auth import OIDCAuthenticationBackend

    return isinstance(load_backend(user.backend), OIDCAuthenticationBackend)


def _by_allauth(request: Any, sociallogin: Any = None, **_: Any) -> None:
    """Store the claims of the ID Token, which allauth has just verified; ignore other providers."""
    if sociallogin is None:
        return
    claims = sociallogin.account.extra_data.get("id_token")
    if isinstance(claims, Mapping):
        remember(request, claims)
    elif _is_ours(sociallogin):
        # An adapter of the project may have removed it. No logout would end this session.
        _log.error("sign_in_not_tracked reason='allauth has no ID Token in extra_data'")


def _is_ours(sociallogin: Any) -> bool:
    """Return whether the client is that of `CURFEW_RP`; without claims there is no issuer to compare."""
    app = getattr(sociallogin.account.get_provider(), "app", None)
    return getattr(app, "client_id", None) == the_sessions().receiver.client_id


def remember(request: Any, claims: Mapping[str, Any], id_token: str | None = None) -> None:
    """Store a sign-in with the claims of its validated ID Token; call this after a sign-in by other software.

    Claims of an issuer other than that of `CURFEW_RP` are ignored. A sign-in that the provider has already
    ended is undone. Raises CannotTell, which the middleware answers with 503, and SignInRefused.
    """
    sessions = the_sessions()
    if claims.get("iss") != sessions.index.issuer:
        # Normal if the project uses other providers; otherwise `issuer` is not spelled as the provider spells
        # it.
        _log.info("sign_in_of_another_issuer iss=%r", str(claims.get("iss"))[:_SHOWN_CHARACTERS])
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
    """Forget a session that a person signs out of; Django deletes it afterwards."""
    user = user_of(request.session) if hasattr(request, "session") else None
    if user is not None:
        the_sessions().forget(user)

"""The receiver of Logout Tokens, and a sign-out that continues at the provider."""

from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from curfew_rp.app_session import user_of
from curfew_rp.django.conf import the_sessions
from curfew_rp.receiver import BODY_SIZE_LIMIT


@csrf_exempt  # type: ignore[untyped-decorator]
def receive(request: HttpRequest) -> HttpResponse:
    """Receive a Logout Token (backchannel §2.5)."""
    response = the_sessions().receiver.receive(
        request.method, request.headers.get("Content-Type"), request.read(BODY_SIZE_LIMIT + 1)
    )
    return HttpResponse(response.body, status=response.status, headers=response.all_headers)


@require_POST  # type: ignore[untyped-decorator]
def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign out of this project and then at the provider."""
    there = provider_logout_url(request)
    logout(request)
    return HttpResponseRedirect(there)


def provider_logout_url(request: Any) -> str:
    """Return the provider's sign-out URL while the session still exists; for OIDC_OP_LOGOUT_URL_METHOD.

    People come back to LOGOUT_REDIRECT_URL, whose absolute URL must be registered at the provider.
    """
    here: str = request.build_absolute_uri(resolve_url(settings.LOGOUT_REDIRECT_URL or "/"))
    return the_sessions().end_session_url(user_of(request.session), here) or here

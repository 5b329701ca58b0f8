"""Reject sessions that have ended, on each request; belongs after Django's session and authentication."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse

from curfew_rp.app_session import SESSION_KEY
from curfew_rp.django.conf import the_sessions
from curfew_rp.django.sign_ins import follow_renewal
from curfew_rp.errors import CannotTell


class LogoutMiddleware:
    """Clears a session that the provider has ended; answers 503 if the store cannot tell."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        """Check the session, if there is one, and continue."""
        if SESSION_KEY in request.session:
            try:
                is_live = the_sessions().check(request.session)
            except CannotTell:
                return unavailable()
            if not is_live:
                request.session.flush()
                request.user = AnonymousUser()
        response = self._get_response(request)
        try:
            follow_renewal(request)
        except CannotTell:
            request.session.flush()
            return unavailable()
        return response

    def process_exception(self, _request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer a sign-in that could not be stored."""
        return unavailable() if isinstance(exception, CannotTell) else None


def unavailable() -> HttpResponse:
    """Return a response that asks to try again."""
    headers = {"Retry-After": "10", "Cache-Control": "no-store"}
    return HttpResponse("Try again in a moment.", status=503, content_type="text/plain", headers=headers)

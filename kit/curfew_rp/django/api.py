"""Django: a decorator for the views of an API; the access is then in `request.access`."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import wraps
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, JsonResponse

from curfew_rp.errors import CannotTell
from curfew_rp.resource_server import TRY_AGAIN, Call, Refused, Requirements, ResourceServer

View = Callable[..., Any]


def require(
    guard: ResourceServer,
    *,
    scopes: Iterable[str] = (),
    acr_values: Iterable[str] = (),
    max_age: timedelta | None = None,
    base_url: str | None = None,
) -> Callable[[View], View]:
    """Return a decorator that admits calls with a valid token.

    `base_url` is the API's URL as clients know it, which DPoP proofs contain. Without it the URL is taken
    from the Host header, so a proof for another host would pass if the server accepts any host.
    """
    required = Requirements.of(scopes, acr_values, max_age)

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            try:
                request.access = guard.check(_call(request, base_url), required)
            except Refused as exc:
                return _refusal(exc)
            except CannotTell as exc:
                body = {"error": "temporarily_unavailable", "error_description": str(exc)}
                return JsonResponse(body, status=503, headers=TRY_AGAIN)
            response = view(request, *args, **kwargs)
            for name, value in guard.headers(request.access).items():
                response.headers[name] = value
            return response

        return guarded

    return decorate


def _call(request: HttpRequest, base_url: str | None) -> Call:
    path = quote(request.path)
    here = request.build_absolute_uri(path) if base_url is None else base_url.rstrip("/") + path
    # WSGI joins a repeated header by commas, which neither a token nor a proof contains.
    return Call(
        method=request.method,
        url=here,
        authorization=_each(request.headers.get("Authorization")),
        dpop=_each(request.headers.get("DPoP")),
    )


def _each(header: str | None) -> list[str]:
    return [part.strip() for part in header.split(",")] if header is not None else []


def _refusal(refused: Refused) -> HttpResponse:
    response = JsonResponse({"error_description": refused.description}, status=refused.status)
    # A Django response has each header only once; several challenges form one list (rfc9110 §11.6.1).
    for name, value in refused.headers.items():
        response.headers[name] = value
    response.headers["WWW-Authenticate"] = ", ".join(refused.challenges)
    return response

"""Starlette and FastAPI: a dependency for the routes of an API.

install(app)

@app.get("/orders")
def list_orders(access: Annotated[Access, Depends(require(guard, scopes={"orders"}))]):
    return {"of": access.sub}
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from curfew_rp.errors import CannotTell
from curfew_rp.resource_server import TRY_AGAIN, Access, Call, Refused, Requirements, ResourceServer


def install(app: Starlette) -> None:
    """Make the app answer refusals, and send 503 if it is unknown whether a token is valid."""
    app.add_exception_handler(Refused, _refusal)
    app.add_exception_handler(CannotTell, _unavailable)


def require(
    guard: ResourceServer,
    *,
    scopes: Iterable[str] = (),
    acr_values: Iterable[str] = (),
    max_age: timedelta | None = None,
    base_url: str | None = None,
) -> Callable[[Request, Response], Awaitable[Access]]:
    """Return a dependency that provides the access of a call with a valid token; needs `install`.

    `base_url` is the API's URL as clients know it, which DPoP proofs contain. Without it the URL is taken
    from the Host header, so a proof for another host would pass if the server accepts any host.
    """
    required = Requirements.of(scopes, acr_values, max_age)

    async def access_of(request: Request, response: Response) -> Access:
        access = await asyncio.to_thread(guard.check, _call(request, base_url), required)
        response.headers.update(guard.headers(access))
        return access

    return access_of


def _call(request: Request, base_url: str | None) -> Call:
    root = f"{request.url.scheme}://{request.url.netloc}" if base_url is None else base_url.rstrip("/")
    headers = request.headers
    return Call(
        method=request.method,
        url=root + quote(request.scope["path"]),
        authorization=headers.getlist("authorization"),
        dpop=headers.getlist("dpop"),
    )


def _refusal(_request: Request, refused: Exception) -> Response:
    if not isinstance(refused, Refused):
        raise refused
    response = JSONResponse({"error_description": refused.description}, refused.status)
    for name, value in refused.all_headers:
        response.headers.append(name, value)
    return response


def _unavailable(_request: Request, problem: Exception) -> Response:
    body = {"error": "temporarily_unavailable", "error_description": str(problem)}
    return JSONResponse(body, 503, TRY_AGAIN)

"""Flask: a decorator for the views of an API.

orders = require(guard, scopes={"orders"})

@app.get("/orders")
@orders
def list_orders():
    return {"of": g.access.sub}
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import wraps
from typing import ParamSpec
from urllib.parse import quote

from flask import Response, g, jsonify, make_response, request
from flask.typing import ResponseReturnValue

from curfew_rp.errors import CannotTell
from curfew_rp.resource_server import TRY_AGAIN, Call, Refused, Requirements, ResourceServer

Args = ParamSpec("Args")
View = Callable[Args, ResponseReturnValue]


def require(
    guard: ResourceServer,
    *,
    scopes: Iterable[str] = (),
    acr_values: Iterable[str] = (),
    max_age: timedelta | None = None,
    base_url: str | None = None,
) -> Callable[[View[Args]], View[Args]]:
    """Return a decorator that admits calls with a valid token; the access is then in `g.access`.

    `base_url` is the API's URL as clients know it, which DPoP proofs contain. Without it the URL is taken
    from the Host header, so a proof for another host would pass if the server accepts any host.
    """
    required = Requirements.of(scopes, acr_values, max_age)

    def decorate(view: View[Args]) -> View[Args]:
        @wraps(view)
        def guarded(*args: Args.args, **kwargs: Args.kwargs) -> ResponseReturnValue:
            try:
                g.access = guard.check(_call(base_url), required)
            except Refused as exc:
                return _refusal(exc)
            except CannotTell as exc:
                return _unavailable(exc)
            response = make_response(view(*args, **kwargs))
            response.headers.update(guard.headers(g.access))
            return response

        return guarded

    return decorate


def _call(base_url: str | None) -> Call:
    root = request.root_url if base_url is None else base_url
    headers = request.headers
    return Call(
        method=request.method,
        url=root.rstrip("/") + quote(request.path),
        authorization=headers.getlist("Authorization"),
        dpop=headers.getlist("DPoP"),
    )


def _unavailable(problem: CannotTell) -> Response:
    response = jsonify(error="temporarily_unavailable", error_description=str(problem))
    response.status_code = 503
    response.headers.update(TRY_AGAIN)
    return response


def _refusal(refused: Refused) -> Response:
    response = jsonify(error_description=refused.description)
    response.status_code = refused.status
    for name, value in refused.all_headers:
        response.headers.add(name, value)
    return response

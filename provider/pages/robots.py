"""The addresses that robots and browsers try at every site: `/robots.txt` and `/favicon.ico`."""

from flask import Response, request

from provider.web import layout
from provider.web.route import Route, Speaks

_ONE_DAY = 24 * 3600
# rfc9309 §2.2: no page here is meant for search engines, and some links are meant for one person only.
_NOTHING_ALLOWED = "User-agent: *\nDisallow: /\n"
_ROBOTS, _ICON = "/robots.txt", "/favicon.ico"


def robots() -> Response:
    """Ask robots to stay away."""
    return _cached(Response(_NOTHING_ALLOWED, mimetype="text/plain"))


def icon() -> Response:
    """Answer with the icon, for browsers that show a document without a page's `link` to it."""
    return _cached(Response(layout.FILES.content("curfew.svg"), mimetype="image/svg+xml"))


def _cached(response: Response) -> Response:
    response.headers["Cache-Control"] = f"public, max-age={_ONE_DAY}"
    response.add_etag()
    response.make_conditional(request)
    return response


ROUTES = (
    Route(
        rule=_ROBOTS,
        name="robots",
        view=robots,
        speaks=Speaks.FILE,
        answers_head=True,
        constant_at=(_ROBOTS,),
    ),
    Route(rule=_ICON, name="icon", view=icon, speaks=Speaks.FILE, answers_head=True, constant_at=(_ICON,)),
)

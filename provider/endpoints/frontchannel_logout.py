"""The OP's logout page of Front-Channel Logout 1.0 §3: it loads the apps' pages, then redirects."""

from flask import url_for
from werkzeug.wrappers import Response

from provider.interactions.models import InteractionKind
from provider.interactions.queries import find
from provider.protocol.uri import parse_web_uri
from provider.web import cookies, headers
from provider.web.layout import page
from provider.web.redirects import redirect
from provider.web.route import Route


def frontchannel_logout(handle: str, ticket: str) -> Response:
    """Load each app's page in a frame. It ends nothing, so loading it twice is safe."""
    results = url_for("endpoints.show_session_ended", handle=handle)
    parked = find(ticket, cookies.browser(), InteractionKind.FRONTCHANNEL)
    if parked is None:
        return redirect(results)
    frames = parked.parameters["frames"]
    headers.allow_frames(parse_web_uri(uri).ascii_origin for uri in frames)
    return page(
        "frontchannel.html",
        frames=frames,
        scope=parked.parameters["scope"],
        continue_url=parked.parameters["return_to"] or results,
    )


ROUTE = Route(
    rule="/session/ended/<handle:handle>/frontchannel/<handle:ticket>",
    name="frontchannel_logout",
    view=frontchannel_logout,
)

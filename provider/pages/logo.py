"""The logo of an app, served by us so that the app's host does not learn who views a page."""

from flask import Response, make_response, request, url_for

from provider.clients import logos
from provider.clients.logos import Logo
from provider.clients.models import Client
from provider.clients.queries import find_by_client_id
from provider.infrastructure import current
from provider.infrastructure.database import reading
from provider.protocol.errors import NotFound, TooManyRequests
from provider.web import network_limits
from provider.web.route import Route, Speaks

_SECONDS_KEPT = 3600
# An app's file is served from our origin: even if opened on its own it must be a picture that can do nothing.
_HEADERS = {
    "Content-Disposition": "inline",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": f"public, max-age={_SECONDS_KEPT}",
}


def show(client_id: str) -> Response:
    """Serve the logo of an app, which is fetched at the first request (registration §2)."""
    with reading():
        client = find_by_client_id(client_id)
    uri = logos.logo_url_of(client) if client and client.is_active else None
    logo = _logo_at(uri, client) if uri and client else None
    if logo is None:
        raise NotFound("there is no logo of this app")
    response = make_response(logo.content)
    response.mimetype = logo.media_type
    response.headers.update(_HEADERS)
    response.set_etag(logo.digest)
    response.make_conditional(request)
    return response


def path_of(client: Client) -> str | None:
    """Return the address of an app's logo, or None; the logo is fetched once a browser requests it."""
    uri = logos.logo_url_of(client)
    look = logos.remembered(uri) if uri else None
    if uri is None or (look and look.logo is None):
        return None
    return url_for("pages.logo", client_id=client.client_id)


def _logo_at(uri: str, client: Client) -> Logo | None:
    look = logos.remembered(uri)
    if look:
        return look.logo
    # Only lookups that make us call another host are counted.
    if not network_limits.hit(current.settings().logo_limit_address, "logo"):
        raise TooManyRequests("too many logos from this address", retry_after=60)
    return logos.fetch(uri, client)


ROUTE = Route(rule="/apps/<client_id:client_id>/logo", name="logo", view=show, speaks=Speaks.FILE)

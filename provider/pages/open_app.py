"""A sign-in at an app that begins here (core §4): the person is sent to the app's address for it."""

from werkzeug.wrappers import Response

from provider.clients.models import Client
from provider.clients.queries import find_by_client_id
from provider.clients.unchecked import unchecked_host
from provider.infrastructure import current
from provider.infrastructure.database import reading
from provider.protocol.errors import NotFound
from provider.protocol.parameters import with_query
from provider.web.layout import page
from provider.web.redirects import redirect
from provider.web.route import Route, Speaks


def show(client_id: str) -> Response:
    """Send the person to the app's `initiate_login_uri`, or else to its home page.

    Both are registered addresses: `target_link_uri` is not taken from the link. An app that registered itself
    may have named any address, so the person sees it before going there.
    """
    with reading():
        client = find_by_client_id(client_id)
    address = app_url_of(client) if client and client.is_active else None
    if client is None or address is None:
        raise NotFound("no app with this name can be opened from here")
    if host := unchecked_host(client, address):
        return page("open_app.html", app_name=client.display_name, app_address=address, host=host)
    return redirect(address)


def app_url_of(client: Client) -> str | None:
    """Return the address where a sign-in at this app begins, or None if the app registered none."""
    metadata = client.metadata_
    if metadata.initiate_login_uri:
        # core §4: `iss` is REQUIRED, so that an app with several providers turns to the right one.
        return with_query(metadata.initiate_login_uri, {"iss": current.settings().issuer})
    uri = metadata.client_uri
    return uri if uri and uri.startswith(("https://", "http://")) else None


ROUTE = Route(rule="/apps/<client_id:client_id>/open", name="open_app", view=show, speaks=Speaks.REDIRECT)

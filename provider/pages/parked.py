"""The parked authorization request that a page is about."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Response, redirect
from werkzeug.wrappers import Response as AnyResponse

from provider.clients.models import Client
from provider.clients.queries import find_by_client_id
from provider.interactions.models import Interaction, InteractionKind
from provider.interactions.queries import find, find_finished
from provider.web import cookies, headers
from provider.web.i18n import speak
from provider.web.layout import page


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedAuthorization:
    """An authorization request that waits for this browser's person, and the client that made it."""

    handle: str
    interaction: Interaction
    client: Client

    @property
    def app_domain(self) -> str:
        """The host that the answer goes to, which was verified; empty for an app on this device."""
        if self.client.metadata_.is_native:
            return ""
        return urlsplit(self.parameter("redirect_uri")).netloc

    def parameter(self, name: str) -> str:
        """Return a parameter of the request as it was validated, or nothing."""
        return str(self.interaction.parameters.get(name) or "")


def find_parked(handle: str) -> ParkedAuthorization | None:
    """Find the request that waits under a handle in this browser, and speak the language it asks for."""
    interaction = find(handle, cookies.browser(), InteractionKind.AUTHORIZATION)
    if interaction is None:
        return None
    speak(str(interaction.parameters.get("ui_locales") or ""))
    client = find_by_client_id(str(interaction.parameters.get("client_id")))
    if client is None or not client.is_active:
        return None
    return ParkedAuthorization(handle=handle, interaction=interaction, client=client)


def lead_back_to(parked: ParkedAuthorization) -> None:
    """Let the forms of this page lead to the app, where the request will be answered."""
    headers.allow_form_action(parked.parameter("redirect_uri"))


def resume(handle: str) -> AnyResponse:
    """Send the person back to the endpoint that parked the request."""
    return redirect(f"/authorize/resume/{handle}", 303)


def gone(handle: str) -> Response:
    """Explain that nothing waits here for this browser, with a way on where the app is known."""
    finished = find_finished(handle, cookies.browser(), InteractionKind.AUTHORIZATION)
    client = finished and find_by_client_id(str(finished.parameters.get("client_id")))
    return page(
        "nothing_waits.html",
        410,
        app_name=client.display_name if client else None,
        app_address=_address_of(client) if client else None,
        answered=finished is not None,
    )


def _address_of(client: Client) -> str | None:
    """Return where a sign-in at this app can begin anew."""
    return client.metadata_.initiate_login_uri or client.metadata_.client_uri

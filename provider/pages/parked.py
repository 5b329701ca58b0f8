"""The parked request that a page is about: an app's, or a page of the account."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import url_for
from werkzeug.wrappers import Response as AnyResponse

from provider.clients.models import Client
from provider.infrastructure.database import transaction
from provider.interactions.lifecycle import finish
from provider.interactions.models import Interaction, InteractionKind
from provider.interactions.queries import find, find_with_client
from provider.pages import logo
from provider.protocol.idn import both_forms
from provider.protocol.parameters import with_query
from provider.protocol.redirect_uri import is_claimed
from provider.sessions.queries import FoundSession
from provider.web import cookies, headers
from provider.web.i18n import locale, speak
from provider.web.parking import sealed_in_address, wait_for_sign_in
from provider.web.redirects import redirect, redirect_to_handle

_ACCOUNT_PAGES = {
    "account": "pages.account",
    "password": "pages.password",
    "everywhere": "pages.account_everywhere",
    "others": "pages.other_browsers",
    "device": "pages.device",
    "sign_outs": "pages.sign_outs",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedAuthorization:
    """An authorization request that waits for this browser's person, and the client that made it."""

    handle: str
    interaction: Interaction
    client: Client

    @property
    def app_domain(self) -> str:
        """The verified host that the response goes to, in Unicode and ASCII; empty for a local app."""
        redirect_uri = self.parameter("redirect_uri")
        if self.client.metadata_.is_native and not is_claimed(redirect_uri):
            return ""
        return both_forms(urlsplit(redirect_uri).netloc)

    @property
    def about_app(self) -> dict[str, Any]:
        """What pages show of the app: registered metadata (registration §2) and where the response goes."""
        metadata = self.client.metadata_
        return {
            "app_name": self.client.display_name,
            "app_domain": self.app_domain,
            "app_logo": logo.path_of(self.client),
            "policy_uri": metadata.said_in(locale(), "policy_uri"),
            "tos_uri": metadata.said_in(locale(), "tos_uri"),
        }

    def was_asked_of(self, found: FoundSession) -> bool:
        """Return whether the endpoint asked for a new sign-in although this one was already there."""
        return bool(self.interaction.answers.get("asked_of") == found.session.sign_in)

    def parameter(self, name: str) -> str:
        """Return a parameter of the request as it was validated, or nothing."""
        return str(self.interaction.request.get(name) or "")


def find_parked(handle: str) -> ParkedAuthorization | None:
    """Find the request that waits under a handle in this browser, and switch to the language it asks for."""
    found = find_with_client(handle, cookies.browser(), sealed=sealed_in_address())
    if found is None:
        return None
    interaction, client = found
    speak(str(interaction.request.get("ui_locales") or ""))
    if client is None or not client.is_active:
        return None
    return ParkedAuthorization(handle=handle, interaction=interaction, client=client)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedAccountPage:
    """A page of the account that waits for a sign-in; no app is concerned."""

    handle: str
    interaction: Interaction

    @property
    def address(self) -> str:
        """The address of the page, which is one of ours, with its parameters."""
        return account_page_url(self.interaction)

    @property
    def is_for_device(self) -> bool:
        """Whether the person signs in to allow a device."""
        return self.interaction.parameters.get("page") == "device"


def account_page_url(interaction: Interaction) -> str:
    """Return the address of the account page that this request, finished or not, leads to."""
    asked = dict(interaction.parameters)
    page_ = url_for(_ACCOUNT_PAGES.get(asked.pop("page", ""), _ACCOUNT_PAGES["account"]))
    return with_query(page_, asked) if asked else page_


def ask_to_sign_in(page_name: str, **asked: str) -> AnyResponse:
    """Send a person who is not signed in to the sign-in page, which leads back to the named page."""
    return wait_for_sign_in(InteractionKind.ACCOUNT, {"page": page_name} | asked)


def find_parked_account_page(handle: str) -> ParkedAccountPage | None:
    """Find the page of the account that waits under a handle in this browser."""
    interaction = find(handle, cookies.browser(), InteractionKind.ACCOUNT, sealed=sealed_in_address())
    return ParkedAccountPage(handle=handle, interaction=interaction) if interaction else None


def open_account_page(parked: ParkedAccountPage) -> AnyResponse:
    """Redirect a person who has signed in to the page that waited."""
    with transaction():
        finish(parked.interaction)
    return redirect(parked.address)


def lead_back_to(parked: ParkedAuthorization) -> None:
    """Allow the forms of this page to redirect to the app, to which the response will be sent."""
    headers.allow_form_action(parked.parameter("redirect_uri"))


def resume(handle: str, *, sealed: str | None = None) -> AnyResponse:
    """Send the person back to the endpoint that parked the request; `sealed` if it has no answer yet."""
    return redirect_to_handle("endpoints.resume_authorize", handle, sealed=sealed)

"""What a Logout Request comes down to, once its hint is proven and its redirect URI checked.

Only this is parked and carried from page to page, never the hint itself: an ID Token has no place
in a table, an address or a form.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from provider.clients import queries as clients
from provider.clients.models import Client
from provider.infrastructure import event_log
from provider.logout.hint import BadHint, ForeignHint, ProvenHint, read_hint
from provider.protocol.end_session_request import EndSessionRequest
from provider.protocol.parameters import with_query
from provider.protocol.redirect_uri import matches


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSessionCase:
    """Who asks, how far that is proven, and where the person goes afterwards."""

    client_id: str | None = None
    app_name: str | None = None
    # The address of the app itself, for a person who cancels.
    app_uri: str | None = None
    # The sid of a proven hint; without it the client is only claimed.
    sid: str | None = field(default=None, repr=False)
    # Registered by the client, with `state` added.
    return_to: str | None = field(default=None, repr=False)
    ui_locales: str | None = None

    @property
    def is_proven(self) -> bool:
        """Whether a valid hint stands behind the request."""
        return self.sid is not None

    def as_parameters(self) -> dict[str, Any]:
        """Return what is parked."""
        return asdict(self)


def case_of(asked: EndSessionRequest) -> tuple[EndSessionCase, ProvenHint | None]:
    """Return what the request comes down to, and its hint if that is proven.

    A hint that proves nothing counts as no hint (rpinitiated §4); one that was made for another
    client than `client_id` proves that neither can be believed.
    """
    hint, client = None, None
    try:
        if asked.id_token_hint:
            hint = read_hint(asked.id_token_hint, client_id=asked.client_id)
            client = hint.client
        elif asked.client_id:
            client = clients.find_by_client_id(asked.client_id)
    except ForeignHint as exc:
        event_log.info("id_token_hint_refused", detail=str(exc))
    except BadHint as exc:
        event_log.info("id_token_hint_refused", detail=str(exc))
        client = clients.find_by_client_id(asked.client_id) if asked.client_id else None
    if client is None or not client.is_active:
        return EndSessionCase(ui_locales=asked.ui_locales), None
    case = EndSessionCase(
        client_id=client.client_id,
        app_name=client.display_name,
        app_uri=client.metadata_.client_uri,
        sid=hint.sid if hint else None,
        return_to=_return_to(asked, client),
        ui_locales=asked.ui_locales,
    )
    return case, hint


def _return_to(asked: EndSessionRequest, client: Client) -> str | None:
    """Return where the client may have the person sent, or None (rpinitiated §3: exact match)."""
    uri, metadata = asked.post_logout_redirect_uri, client.metadata_
    native = metadata.application_type == "native"
    if not uri or not matches(metadata.post_logout_redirect_uris, uri, native=native):
        return None
    return with_query(uri, {"state": asked.state}) if asked.state else uri

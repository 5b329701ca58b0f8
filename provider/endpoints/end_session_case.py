"""A Logout Request whose hint is verified and whose redirect URI is checked.

Only this is parked and passed from page to page, never the hint itself: an ID Token must not be in a
table, an address or a form.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from provider.clients import queries as clients
from provider.clients.models import Client, ResultPage
from provider.clients.unchecked import host_to_show, is_unchecked
from provider.infrastructure import event_log
from provider.interactions.models import Interaction
from provider.logout.hint import BadHint, EncryptedHint, ForeignHint, ProvenHint, read_hint
from provider.oauth.client_proof import refusals
from provider.protocol.end_session_request import EndSessionRequest
from provider.protocol.parameters import with_query
from provider.protocol.redirect_uri import matches, shown
from provider.protocol.refusal import RefusalKind

# Why a well-formed `post_logout_redirect_uri` cannot be used, for the page and the log.
UNREGISTERED, OF_NO_CLIENT, DISABLED = "unregistered", "of_no_client", "disabled"
# Why a `client_id` is ignored: the hint was issued to another client.
NOT_OF_HINT = "not_of_hint"
# Why a hint is ignored: only its client can decrypt it.
ENCRYPTED = "encrypted"

# A server of the previous release, which runs next to this one during an upgrade, refuses these parameters.
_NEWER = frozenset({"result_page", "unusable", "self_registered", "was_signed_in"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSessionCase:
    """The requesting client, how far it is proven, and where the person goes afterwards."""

    client_id: str | None = None
    app_name: str | None = None
    # The address of the app itself, for a person who cancels.
    app_uri: str | None = None
    # The sid of a proven hint; without it the client is only claimed, not proven.
    sid: str | None = field(default=None, repr=False)
    # The redirect URI, which the client registered, with `state` added.
    return_to: str | None = field(default=None, repr=False)
    ui_locales: str | None = None
    # When the result page is shown before the person is sent back to the app: a ResultPage.
    result_page: str = ResultPage.WHEN_PENDING
    # The parameters that could not be used: name, reason, and the part of the value that may be shown.
    unusable: Sequence[dict[str, str]] = ()
    # Whether the client registered itself, so that its addresses are unchecked.
    self_registered: bool = False
    # Whether the hint belongs to this browser's session: the person has used the app.
    was_signed_in: bool = False

    @property
    def is_proven(self) -> bool:
        """Whether the request has a valid hint."""
        return self.sid is not None

    @property
    def redirects_back(self) -> bool:
        """Whether the person may be sent to `return_to` without having seen where it leads.

        An ID Token of another session is not enough: any app can get one (rfc9700 §4.11.2).
        """
        return self.return_to is not None and (
            self.was_signed_in or self.unchecked_host(self.return_to) is None
        )

    def unchecked_host(self, address: str | None) -> str | None:
        """Return the host of one of the client's addresses if the person must see it, or None."""
        return host_to_show(address) if address and self.self_registered else None

    @classmethod
    def of(cls, parked: Interaction) -> "EndSessionCase":
        """Return the case of a parked request."""
        newer = {name: parked.answers[name] for name in _NEWER if name in parked.answers}
        return cls(**parked.parameters | newer)

    def as_parameters(self) -> dict[str, Any]:
        """Return the part that is parked as parameters."""
        return {name: value for name, value in asdict(self).items() if name not in _NEWER}

    def as_answers(self) -> dict[str, Any]:
        """Return the part that is parked as answers."""
        return {name: value for name, value in asdict(self).items() if name in _NEWER}


def case_of(asked: EndSessionRequest) -> tuple[EndSessionCase, ProvenHint | None]:
    """Return the case of a request, and its hint if it is proven.

    An invalid hint counts as none (rpinitiated §4); if the hint was issued to a client other than
    `client_id`, both are ignored.
    """
    hint, client, disbelieved = _who_asks(asked)
    unusable = [{"name": name, "why": why.value} for name, why in asked.flaws.items()] + disbelieved
    if client is None or not client.is_active:
        if asked.post_logout_redirect_uri:
            why = OF_NO_CLIENT if client is None else DISABLED
            unusable.append(_refused_address(asked.post_logout_redirect_uri, why))
        _log(unusable, client_id=asked.client_id)
        return EndSessionCase(ui_locales=asked.ui_locales, unusable=unusable), None
    return_to = _return_to(asked, client)
    if asked.post_logout_redirect_uri and return_to is None and asked.has_way_back:
        unusable.append(_refused_address(asked.post_logout_redirect_uri, UNREGISTERED))
        refusals.record(
            refusals.refusal_of(
                client,
                RefusalKind.POST_LOGOUT_REDIRECT_URI,
                "the post_logout_redirect_uri is not registered",
                refused=shown(asked.post_logout_redirect_uri),
            )
        )
    _log(unusable, client_id=client.client_id)
    case = EndSessionCase(
        client_id=client.client_id,
        app_name=client.display_name,
        app_uri=client.metadata_.client_uri,
        sid=hint.sid if hint else None,
        return_to=return_to,
        ui_locales=asked.ui_locales,
        result_page=client.result_page,
        self_registered=is_unchecked(client),
        unusable=unusable,
    )
    return case, hint


def _who_asks(asked: EndSessionRequest) -> tuple[ProvenHint | None, Client | None, list[dict[str, str]]]:
    """Return the proven hint, the client that is proven or only claimed, and the unused parameters."""
    if asked.is_ambiguous:
        return None, None, []
    unbelieved: list[dict[str, str]] = []
    try:
        if asked.id_token_hint:
            hint = read_hint(asked.id_token_hint, client_id=asked.client_id)
            return hint, hint.client, []
    except ForeignHint as exc:
        event_log.info("id_token_hint_refused", detail=str(exc))
        return None, None, [{"name": "client_id", "why": NOT_OF_HINT}]
    except BadHint as exc:
        event_log.info("id_token_hint_refused", detail=str(exc))
        if isinstance(exc, EncryptedHint):
            unbelieved = [{"name": "id_token_hint", "why": ENCRYPTED}]
    return None, clients.find_by_client_id(asked.client_id) if asked.client_id else None, unbelieved


def _return_to(asked: EndSessionRequest, client: Client) -> str | None:
    """Return where the person may be sent afterwards, or None (rpinitiated §3: exact match)."""
    uri, metadata = asked.post_logout_redirect_uri, client.metadata_
    native = metadata.application_type == "native"
    if (
        not uri
        or not asked.has_way_back
        or not matches(metadata.post_logout_redirect_uris, uri, native=native)
    ):
        return None
    return with_query(uri, {"state": asked.state}) if asked.state else uri


def _refused_address(uri: str, why: str) -> dict[str, str]:
    return {"name": "post_logout_redirect_uri", "why": why, "value": shown(uri)}


def _log(unusable: Sequence[dict[str, str]], *, client_id: str | None) -> None:
    for one in unusable:
        event_log.info(
            "end_session_parameter_unusable",
            client_id=client_id,
            parameter=one["name"],
            reason=one["why"],
            value=one.get("value"),
        )

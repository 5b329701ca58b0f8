"""Restrictions on self-registered clients (rfc7591 §5, SEC-802)."""

from collections.abc import Iterator

from provider.clients.models import Client, LogoutTokenNames
from provider.clients.queries import list_names_of_operators_clients
from provider.grants.subject import proves_sector
from provider.infrastructure import current
from provider.oauth.client_proof.authentication import offered
from provider.protocol.client_metadata import ClientMetadata, InvalidClientMetadata, Problem
from provider.protocol.errors import ProtocolError, UnregistrableMetadata, UnregistrableRedirectURI
from provider.protocol.grant_types import DEVICE_CODE
from provider.protocol.look_alike import is_alike, mixes_scripts
from provider.protocol.scopes import ADMIN_SCOPES, STANDARD_SCOPES

# Other grant types, such as token exchange, let a service act for people who never signed in there (rfc8693).
_GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials", DEVICE_CODE)
_MOST_PROBLEMS_SHOWN = 10


def check_self_registered(metadata: ClientMetadata, client: Client | None) -> None:
    """Raise the error of rfc7591 §3.2.2 for metadata that a client may not register by itself."""
    if problems := list(_problems_of_self_registered(metadata, client)):
        raise as_protocol_error(problems)


def _problems_of_self_registered(metadata: ClientMetadata, client: Client | None) -> Iterator[Problem]:
    """Yield the problems of a self-registered client's metadata; it may keep what the operator gave it."""
    given = client.metadata_ if client else ClientMetadata()
    scopes = {*STANDARD_SCOPES, *current.settings().registration_scopes, *(given.scopes if client else ())}
    if metadata.may_use_grant_type("client_credentials"):
        # rfc6749 §4.4: no person is asked about a client's own token, so such a client gets standard scopes
        # and those that it already had with this grant type, but not scopes that it registered while people
        # were still asked.
        acts_for_itself = client is not None and given.may_use_grant_type("client_credentials")
        scopes = {*STANDARD_SCOPES, *(given.scopes if acts_for_itself else ())}
    # Such a client cannot use administration scopes, even if an operator wrote them into its registration.
    scopes -= {*ADMIN_SCOPES}
    if not metadata.scopes <= scopes:
        yield Problem("scope", f"must be among {', '.join(sorted(scopes))}")
    grants = [*_GRANT_TYPES, *(["implicit"] if current.settings().hybrid_response_types else [])]
    if not {*grants, *(given.grant_types if client else ())}.issuperset(metadata.grant_types):
        yield Problem("grant_types", f"must be among {', '.join(grants)}")
    if metadata.token_endpoint_auth_method not in offered():
        yield Problem("token_endpoint_auth_method", f"must be one of {', '.join(offered())}")
    if metadata.sector_identifier_uri and not proves_sector(metadata):
        # core §8.1: else it would learn the `sub` by which the sector's own clients know a person.
        yield Problem("sector_identifier_uri", "needs redirect_uris, all of them https, and no device grant")
    operators_choice = client.logout_token_names if client else LogoutTokenNames.BOTH
    if metadata.backchannel_logout_session_required and operators_choice == LogoutTokenNames.SUB:
        yield Problem(
            "backchannel_logout_session_required",
            "is not supported: this client's Logout Tokens carry sub only",
        )
    has_certificates = bool(current.settings().client_certificate_header)
    if metadata.tls_client_certificate_bound_access_tokens and not has_certificates:
        yield Problem("tls_client_certificate_bound_access_tokens", "is not supported")
    yield from _problems_of_names(metadata, client)


def _problems_of_names(metadata: ClientMetadata, client: Client | None) -> Iterator[Problem]:
    """rfc7591 §5: people would mistake a client that looks like the operator's own app for that app."""
    translated = [value for name, value in metadata.translations.items() if name.startswith("client_name#")]
    names = [name for name in [metadata.client_name, *translated] if name]
    if any(map(mixes_scripts, names)):
        yield Problem("client_name", "must not mix scripts within a word")
    taken = list_names_of_operators_clients(but=client) if names else []
    if any(is_alike(name, other) for name in names for other in taken):
        yield Problem("client_name", "is, or looks like, the name of another app")


def as_protocol_error(problems: list[Problem]) -> ProtocolError:
    """Return the problems as the specified error; a few of very many are enough to begin with."""
    shown = "; ".join(map(str, problems[:_MOST_PROBLEMS_SHOWN]))
    is_about_redirects = InvalidClientMetadata(problems).error == UnregistrableRedirectURI.error
    return UnregistrableRedirectURI(shown) if is_about_redirects else UnregistrableMetadata(shown)

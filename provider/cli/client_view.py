"""Views of a client: its whole registration, or the values that its developer needs."""

from typing import Any

from provider.cli.composition import composed
from provider.cli.output import show_json, show_secret
from provider.cli.plain_text import say
from provider.clients.models import Client
from provider.infrastructure import current
from provider.protocol.client_metadata import ENCRYPTED_RESPONSES
from provider.protocol.idn import uri_in_both_forms
from provider.protocol.redirect_uri_rules import unwise_uris


def app_facts(client: Client) -> dict[str, Any]:
    """Return the values to enter in the app's configuration; the secret is shown separately."""
    issuer, metadata = current.settings().issuer, client.metadata_
    facts: dict[str, Any] = {
        "issuer": issuer,
        "discovery": issuer + composed().routes().path_of("endpoints.discovery"),
        "client_id": client.client_id,
        "redirect_uris": metadata.redirect_uris,
        "scope": metadata.scope,
        "token_endpoint_auth_method": " or ".join(client.auth_methods),
        "id_token_signed_response_alg": metadata.id_token_signed_response_alg,
        "end_session_endpoint": issuer + composed().routes().path_of("endpoints.end_session"),
        "post_logout_redirect_uris": metadata.post_logout_redirect_uris,
        "backchannel_logout_uri": metadata.backchannel_logout_uri,
    }
    for response in ENCRYPTED_RESPONSES:
        if encryption := metadata.encryption_of(response):
            facts[f"{response}_encrypted_response"] = f"{encryption.alg}, {encryption.enc}"
    if not metadata.redirect_uris:
        # Services and devices do not sign people in through a browser's redirect.
        del facts["end_session_endpoint"]
    return facts


def as_wire(known: Client) -> dict[str, Any]:
    """Return everything about a client that may be shown."""
    return {
        "client_id": known.client_id,
        **known.metadata_.to_wire(),
        "token_endpoint_auth_methods": known.auth_methods,
        "first_party": known.first_party,
        "offline_policy": known.offline_policy,
        "confirm_sign_out": known.confirm_sign_out,
        "result_page": known.result_page,
        "told_of_expiry": known.told_of_expiry,
        "logout_token_names": known.logout_token_names,
        "id_token_claims": known.id_token_claims,
        "grant_lifetime": known.grant_lifetime,
        "refresh_reuse_interval": known.refresh_reuse_interval,
        "deliver_to": known.deliver_to,
        "slow": known.slow,
        "session_lifetime": known.session_lifetime,
        "refuse_when_degraded_for": known.refuse_when_degraded_for,
        "may_exchange_tokens_of": known.may_exchange_tokens_of or [],
        "recipe": known.recipe,
        "unwise_redirect_uris": unwise_uris(known.metadata_),
        "enabled": known.disabled_at is None,
        "created_at": known.created_at,
        "updated_at": known.updated_at,
        "self_registered": known.self_registered,
        "registrant": known.registrant,
        "secret_last_used_at": known.secret_last_used_at,
        "previous_secret_expires_at": known.previous_secret_expires_at,
        "previous_secret_last_used_at": known.previous_secret_last_used_at,
    }


def for_people(known: Client) -> dict[str, Any]:
    """Return the wire view with each host in Unicode and ASCII, and without empty sections."""
    return {name: _in_both_forms(value) for name, value in as_wire(known).items() if value != {}}


def show_changed(known: Client, secret: str | None, *, as_json: bool, **counts: int) -> None:
    """Show the client, with its secret if it was generated here."""
    if as_json:
        # registration §3.2: 0 means that the secret does not expire.
        shown = {"client_secret": secret, "client_secret_expires_at": 0} if secret else {}
        show_json(as_wire(known) | shown | counts)
        return
    say(f"client_id: {known.client_id}")
    if secret:
        show_secret("client_secret", secret)


def _in_both_forms(value: Any) -> Any:
    match value:
        case str():
            return uri_in_both_forms(value)
        case list():
            return [_in_both_forms(one) for one in value]
    return value

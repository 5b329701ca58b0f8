"""What the developer of an app has to know once it is registered."""

from typing import Any

from provider.clients.models import Client
from provider.infrastructure import current


def app_facts(client: Client) -> dict[str, Any]:
    """Return the values to enter in the app's configuration; the secret is shown apart."""
    issuer, metadata = current.settings().issuer, client.metadata_
    facts: dict[str, Any] = {
        "issuer": issuer,
        "discovery": f"{issuer}/.well-known/openid-configuration",
        "client_id": client.client_id,
        "redirect_uris": metadata.redirect_uris,
        "scope": metadata.scope,
        "token_endpoint_auth_method": metadata.token_endpoint_auth_method,
        "id_token_signed_response_alg": metadata.id_token_signed_response_alg,
        "end_session_endpoint": f"{issuer}/session/end",
        "post_logout_redirect_uris": metadata.post_logout_redirect_uris,
        "backchannel_logout_uri": metadata.backchannel_logout_uri,
    }
    if not metadata.redirect_uris:
        # A service or a device signs nobody in through a browser's redirect.
        del facts["end_session_endpoint"]
    return facts

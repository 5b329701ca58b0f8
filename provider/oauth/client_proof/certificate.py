"""Client authentication by the certificate of its TLS connection (rfc8705 §2)."""

from collections.abc import Callable

from authlib.oauth2.rfc6749 import OAuth2Request

from provider.oauth.client_proof.authentication import QueryClient
from provider.oauth.client_proof.keys import certificates_of
from provider.oauth.client_proof.registered_client import RegisteredClient
from provider.protocol.client_certificate import ClientCertificate
from provider.protocol.client_certificate_rules import (
    SELF_SIGNED_TLS_CLIENT_AUTH,
    TLS_CLIENT_AUTH,
    is_issued_for,
)

_Fits = Callable[[RegisteredClient, ClientCertificate], bool]


def by_verified_certificate(query_client: QueryClient, request: OAuth2Request) -> RegisteredClient | None:
    """Prove a client by a certificate of an authority that the proxy trusts, issued for it (§2.1)."""
    return _by_certificate(
        query_client, request, TLS_CLIENT_AUTH, lambda client, shown: is_issued_for(shown, client.metadata)
    )


def by_registered_certificate(query_client: QueryClient, request: OAuth2Request) -> RegisteredClient | None:
    """Prove a client by exactly the certificate that it registered, from any issuer (§2.2)."""
    return _by_certificate(
        query_client,
        request,
        SELF_SIGNED_TLS_CLIENT_AUTH,
        lambda client, shown: shown.thumbprint in certificates_of(client.metadata),
    )


def _by_certificate(
    query_client: QueryClient, request: OAuth2Request, method: str, fits: _Fits
) -> RegisteredClient | None:
    shown: ClientCertificate | None = request.asked.certificate
    # §2: 'the client MUST include the "client_id" parameter'. A certificate may also come with another
    # proof, to which the tokens are bound then (§3).
    client_id = request.form.get("client_id")
    other_proofs = {"client_secret", "client_assertion"} & set(request.form)
    if shown is None or not client_id or other_proofs or "Authorization" in request.headers:
        return None
    if method == TLS_CLIENT_AUTH and not shown.is_verified:
        return None
    client = query_client(client_id)
    if client is None or client.metadata.token_endpoint_auth_method != method:
        return None
    return client if fits(client, shown) else None

"""The nonce that DPoP proofs must contain, sent with every response to a proof (rfc9449 §8.2)."""

from flask import Response

from provider.infrastructure import current
from provider.oauth.client_proof.dpop import nonce_now
from provider.web.notes import this_request


def write(response: Response) -> Response:
    """Send the nonce for the next proof to a client that sent one, if nonces are required."""
    if "DPoP" in this_request().headers and current.settings().dpop_nonce_required:
        response.headers["DPoP-Nonce"] = nonce_now()
    return response

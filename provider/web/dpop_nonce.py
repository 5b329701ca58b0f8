"""The nonce that DPoP proofs must hold, told with every answer to a proof (rfc9449 §8.2)."""

from flask import Response, request

from provider.infrastructure import current
from provider.oauth.client_proof.dpop import nonce_now


def write(response: Response) -> Response:
    """Tell whoever sent a proof which nonce the next one must hold, if nonces are asked for."""
    if "DPoP" in request.headers and current.settings().dpop_nonce_required:
        response.headers["DPoP-Nonce"] = nonce_now()
    return response

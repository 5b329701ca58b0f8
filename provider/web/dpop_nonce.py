"""The nonce that DPoP proofs must contain, sent with every response to a proof (rfc9449 §8.2)."""

from flask import Request, Response

from provider.config import Settings
from provider.oauth.client_proof.dpop import nonce_now


def write(request: Request, settings: Settings, response: Response) -> None:
    """Send the nonce for the next proof to a client that sent one, if nonces are required."""
    if settings.dpop_nonce_required and "DPoP" in request.headers:
        response.headers["DPoP-Nonce"] = nonce_now()

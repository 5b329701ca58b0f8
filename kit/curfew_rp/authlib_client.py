"""The client of Authlib, for every framework that it supports."""

from typing import Any

_TIMEOUT_SECONDS = 10


def settings(
    *, issuer: str, client_id: str, client_secret: str | None, scope: str, ca_bundle: str | None
) -> dict[str, Any]:
    """Return what Authlib's `register` takes: discovery, PKCE, and a public client without a secret."""
    return {
        "client_id": client_id,
        "client_secret": client_secret,
        "server_metadata_url": issuer.rstrip("/") + "/.well-known/openid-configuration",
        "client_kwargs": {
            "scope": scope,
            "code_challenge_method": "S256",
            "token_endpoint_auth_method": "client_secret_basic" if client_secret else "none",
            "timeout": _TIMEOUT_SECONDS,
            "trust_env": False,
            "verify": ca_bundle or True,
        },
    }

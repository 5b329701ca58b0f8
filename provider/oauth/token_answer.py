"""What the token endpoint answers (rfc6749 §5.1, core §3.1.3.3)."""

from typing import Any

from provider.tokens.models import AccessToken


def token_answer(
    handle: str, token: AccessToken, *, refresh_token: str | None = None, id_token: str | None = None
) -> dict[str, Any]:
    """Return the members of the answer; those without a value are left out."""
    members = {
        "access_token": handle,
        "token_type": "Bearer",
        "expires_in": int((token.expires_at - token.created_at).total_seconds()),
        "scope": token.scope or None,
        "refresh_token": refresh_token,
        "id_token": id_token,
    }
    return {name: value for name, value in members.items() if value is not None}

"""The person named by the `id_token_hint` of an Authentication Request (core §3.1.2.1)."""

from provider.clients.models import Client
from provider.keys import jwt
from provider.oauth.authorization.request import AuthorizationRequest
from provider.protocol.encrypted_token import is_encrypted
from provider.protocol.errors import InvalidRequest

# The name under which a parked request keeps the `sub` of its hint; the ID Token itself is not stored.
HINTED_SUB = "hinted_sub"


def hinted_sub(asked: AuthorizationRequest, client: Client) -> str | None:
    """Return the `sub` of an ID Token that we issued; as a hint, an expired one is also accepted."""
    if asked.id_token_hint is None:
        return None
    if is_encrypted(asked.id_token_hint):
        # core §3.1.2.1: 'the Client MUST decrypt the signed ID Token contained within'.
        raise InvalidRequest("id_token_hint is encrypted; decrypt it and send the signed ID Token")
    try:
        claims = jwt.verify_own(
            jwt.UnverifiedJWT(asked.id_token_hint),
            typ=frozenset({jwt.ID_TOKEN_TYP}),
            audience=client.client_id,
            require=("sub", "sid", "exp", "iat"),
            allow_expired=True,
            for_hint=True,
        )
    except jwt.InvalidJWT as exc:
        raise InvalidRequest("id_token_hint is not an ID Token of this client", detail=str(exc)) from exc
    return str(claims["sub"])

"""Claims of a signed access token (rfc9068 §2.2). Signing it is `provider.keys.jwt`'s part.

It is stored in our tables like an opaque one, and we look it up instead of trusting its claims: a revoked
token is refused at once. A resource server that does not introspect it accepts it until it expires.
"""

from provider.clients.models import Client
from provider.infrastructure import current
from provider.keys import jwt
from provider.tokens.models import AccessToken

# rfc9068 §2.1, §4: every resource server can verify RS256.
USUAL_ALG = "RS256"


def sign(token: AccessToken, client: Client, *, sub: str, sid: str | None, alg: str) -> str:
    """Return an access token as a JWT."""
    issuer = current.settings().issuer
    audience = token.audience or [issuer]
    claims = {
        "iss": issuer,
        "sub": sub,
        # rfc9068 §3: without a resource 'the authorization server MUST use a default resource indicator'.
        "aud": audience if len(audience) > 1 else audience[0],
        "client_id": client.client_id,
        # rfc8693 §4.1: names the acting party where it is not the client that the person allowed.
        "act": {"sub": client.client_id} if token.actor_id else None,
        "iat": int(token.created_at.timestamp()),
        "exp": int(token.expires_at.timestamp()),
        "jti": token.id.hex,
        # rfc9068 §2.2.3: 'SHOULD include a scope claim' when a scope was asked for.
        "scope": token.scope or None,
        "auth_time": int(token.auth_time.timestamp()) if token.auth_time else None,
        "acr": token.acr,
        "amr": token.amr.split() if token.amr else None,
        "sid": sid,
        "cnf": token.cnf,
    }
    stated = {name: value for name, value in claims.items() if value is not None}
    return jwt.sign(stated, typ=jwt.ACCESS_TOKEN_TYP, alg=alg)

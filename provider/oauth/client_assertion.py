"""Client authentication by a signed assertion: private_key_jwt (rfc7523 §3, core §9)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from authlib.oauth2.rfc6749 import InvalidClientError, OAuth2Request
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from provider.clients.assertions import use_once
from provider.clients.models import Client
from provider.infrastructure import clock, current
from provider.oauth.client_authentication import ASSERTION, QueryClient, fail
from provider.oauth.client_keys import LARGEST_ASSERTION, NoKeys, keys_of
from provider.oauth.registered_client import RegisteredClient
from provider.protocol.client_metadata_rules import ASSERTION_SIGNATURES, allowed_signatures

# Asymmetric algorithms alone: with one of them an assertion cannot be made from what we know (ABU-42).
ALGORITHMS = ASSERTION_SIGNATURES
# SEC-1026, THR-42: an assertion is for now, and its jti need not be remembered for long.
LONGEST_LIFE = timedelta(minutes=5)
_LEEWAY = timedelta(seconds=30)
_LONGEST_JTI = 255
# THR-27: a token that was signed for another purpose is no proof; the type is optional still.
_TYPES = frozenset({None, "JWT", "client-authentication+jwt"})


def by_assertion(query_client: QueryClient, request: OAuth2Request) -> RegisteredClient | None:
    """Prove a client by an assertion that it signed."""
    assertion = request.form.get("client_assertion")
    if not assertion or request.form.get("client_assertion_type") != PrivateKeyJWT.CLIENT_ASSERTION_TYPE:
        return None
    # LIB-13: a large token costs much to parse, so its size is looked at first.
    if len(assertion) > LARGEST_ASSERTION:
        raise fail()
    try:
        client = PrivateKeyJWT()(query_client, request)
    except (InvalidClientError, RecursionError) as exc:
        raise fail() from exc
    # rfc7521 §4.2: 'client_id' beside an assertion must name the same client.
    if client and request.form.get("client_id", client.get_client_id()) != client.get_client_id():
        raise fail()
    return client


class PrivateKeyJWT(JWTBearerClientAssertion):  # type: ignore[misc]  # Authlib ships no types.
    """One request's assertion. Authlib takes it apart and finds the client; what counts is checked here."""

    CLIENT_AUTH_METHOD = ASSERTION
    _client: Client
    _asked_at: str

    def __call__(self, query_client: QueryClient, request: OAuth2Request) -> RegisteredClient | None:
        """Prove the client."""
        self._asked_at = request.asked.url
        client: RegisteredClient | None = super().__call__(query_client, request)
        return client

    def _audiences(self) -> list[str]:
        settings = current.settings()
        # core §9 has the token endpoint's address, with which a hostile provider could obtain an
        # assertion that is good here (THR-27): so only where the operator needs it, and never by a
        # client of FAPI 2.0 (§5.3.2.1: 'shall only accept its issuer identifier value').
        if not settings.client_assertion_endpoint_audience or self._client.metadata_.follows_fapi2:
            return [settings.issuer]
        origins = filter(None, (settings.issuer, settings.mtls_origin))
        return [settings.issuer, self._asked_at, *(origin + "/token" for origin in origins)]

    def resolve_client_public_key(self, client: RegisteredClient) -> KeySet:
        """Return the keys that the client registered; none from the token's own header (ABU-36)."""
        self._client = client.client
        try:
            return keys_of(client.metadata)
        except NoKeys as exc:
            raise fail() from exc

    def process_assertion_claims(self, assertion: str, resolve_key: KeySet) -> dict[str, Any]:
        """Verify signature, type and claims.

        Authlib would take any algorithm that fits the key and does not look at the type.
        """
        metadata = self._client.metadata_
        allowed = allowed_signatures(metadata, metadata.token_endpoint_auth_signing_alg)
        try:
            token = jwt.decode(assertion, resolve_key, algorithms=allowed)
        except (JoseError, ValueError) as exc:
            raise fail() from exc
        if token.header.get("typ") not in _TYPES:
            raise fail()
        self.verify_claims(token.claims)
        return token.claims

    def verify_claims(self, claims: dict[str, Any]) -> None:
        """Check who speaks to whom and until when, and use up the jti as the last thing.

        Authlib accepts a list as `aud`, any lifetime, and a clock of its own.
        """
        client_id, now = self._client.client_id, clock.now()
        expires_at = _instant(claims, "exp")
        from_the_future = [_instant(claims, name, now) > now + _LEEWAY for name in ("iat", "nbf")]
        jti = claims.get("jti")
        if (
            (claims.get("iss"), claims.get("sub")) != (client_id, client_id)
            # THR-27: one audience and not a list.
            or claims.get("aud") not in self._audiences()
            or not now < expires_at <= now + LONGEST_LIFE + _LEEWAY
            or any(from_the_future)
            or not isinstance(jti, str)
            or not 0 < len(jti) <= _LONGEST_JTI
            or not use_once(self._client, jti, expires_at)
        ):
            raise fail()


def _instant(claims: dict[str, Any], name: str, default: datetime | None = None) -> datetime:
    value = claims.get(name)
    if value is None and default is not None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise fail()
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError) as exc:
        raise fail() from exc

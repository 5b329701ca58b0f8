"""Client authentication by a signed assertion: private_key_jwt (rfc7523 §3, core §9)."""

from datetime import timedelta
from typing import Any

from authlib.oauth2.rfc6749 import InvalidClientError, OAuth2Request
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc.jwk import KeySet

from provider.clients.assertions import use_once
from provider.clients.models import Client
from provider.infrastructure import clock, current
from provider.oauth.client_proof.authentication import ASSERTION, QueryClient, fail
from provider.oauth.client_proof.client_request import ClientRequest
from provider.oauth.client_proof.keys import LARGEST_ASSERTION, NoKeys, keys_of
from provider.oauth.client_proof.registered_client import RegisteredClient
from provider.protocol import numeric_date
from provider.protocol.client_metadata_rules import ASSERTION_SIGNATURES, allowed_signatures
from provider.protocol.signed_token import (
    MalformedToken,
    Unverifiable,
    UnverifiedToken,
    read_token,
    verify,
)

# Only asymmetric algorithms: the keys that we store cannot create an assertion (ABU-42).
ALGORITHMS = ASSERTION_SIGNATURES
# SEC-1026, THR-42: an assertion is for now, and its jti need not be remembered for long.
LONGEST_LIFE = timedelta(minutes=5)
_LEEWAY = timedelta(seconds=30)
_LONGEST_JTI = 255
# THR-27: a token that was signed for another purpose is no proof; a missing type is still accepted.
_TYPES = frozenset({None, "jwt", "client-authentication+jwt"})


def by_assertion(query_client: QueryClient, request: OAuth2Request) -> RegisteredClient | None:
    """Prove a client by an assertion that it signed."""
    assertion = request.form.get("client_assertion")
    if not assertion or request.form.get("client_assertion_type") != PrivateKeyJWT.CLIENT_ASSERTION_TYPE:
        return None
    try:
        client = PrivateKeyJWT()(query_client, request)
    except (InvalidClientError, MalformedToken, Unverifiable, numeric_date.MalformedDate) as exc:
        raise fail() from exc
    # rfc7521 §4.2: 'client_id' beside an assertion must name the same client.
    if client and request.form.get("client_id", client.get_client_id()) != client.get_client_id():
        raise fail()
    return client


class PrivateKeyJWT(JWTBearerClientAssertion):  # type: ignore[misc]  # Authlib ships no types.
    """One request's assertion. Authlib finds the client; what counts is checked here."""

    CLIENT_AUTH_METHOD = ASSERTION
    _client: Client
    _asked: ClientRequest
    _token: UnverifiedToken

    def __call__(self, query_client: QueryClient, request: OAuth2Request) -> RegisteredClient | None:
        """Prove the client."""
        self._asked = request.asked
        client: RegisteredClient | None = super().__call__(query_client, request)
        return client

    def extract_assertion(self, assertion: str) -> tuple[Any, dict[str, Any]]:
        """Parse the assertion. Authlib does not check the contents of a header."""
        self._token = read_token(assertion, largest=LARGEST_ASSERTION)
        return self._token.header, self._token.claims

    def _audiences(self) -> list[str]:
        settings = current.settings()
        # core §9 uses the token endpoint's address, which lets a hostile provider obtain an assertion that is
        # valid here (THR-27). It is therefore accepted only if the operator needs it, and never from a client
        # of FAPI 2.0 (§5.3.2.1: 'shall only accept its issuer identifier value').
        if not settings.client_assertion_endpoint_audience or self._client.metadata_.follows_fapi2:
            return [settings.issuer]
        # rfc8705 §5: clients that show a certificate know the endpoints by another origin.
        origins = [origin for origin in (settings.issuer, settings.mtls_issuer) if origin]
        endpoints = [origin + self._asked.token_path for origin in origins]
        return [settings.issuer, self._asked.url, *endpoints]

    def _is_for_us(self, audience: object) -> bool:
        """Return whether an assertion is meant for this provider only (THR-27).

        A list is accepted where the operator admits old clients, such as openid-client before 5.7.1, and only
        if each of its members is this provider.
        """
        ours = self._audiences()
        if isinstance(audience, list) and len(ours) > 1:
            return bool(audience) and all(one in ours for one in audience)
        return audience in ours

    def resolve_client_public_key(self, client: RegisteredClient) -> KeySet:
        """Return the keys that the client registered; none from the token's own header (ABU-36)."""
        self._client = client.client
        try:
            return keys_of(client.metadata)
        except NoKeys as exc:
            raise fail() from exc

    def process_assertion_claims(self, _assertion: str, resolve_key: KeySet) -> dict[str, Any]:
        """Verify signature, type and claims.

        Authlib would take any algorithm that fits the key and does not look at the type.
        """
        metadata = self._client.metadata_
        allowed = allowed_signatures(metadata, metadata.token_endpoint_auth_signing_alg)
        claims = verify(self._token, resolve_key, algorithms=allowed)
        if self._token.typ not in _TYPES:
            raise fail()
        self.verify_claims(claims)
        return claims

    def verify_claims(self, claims: dict[str, Any]) -> None:
        """Check issuer, audience and lifetime, and finally use up the jti.

        Authlib accepts a list as `aud`, any lifetime, and a clock of its own.
        """
        client_id, now = self._client.client_id, clock.now()
        expires_at, *begins = (numeric_date.read(claims, name) for name in ("exp", "iat", "nbf"))
        jti = claims.get("jti")
        if (
            (claims.get("iss"), claims.get("sub")) != (client_id, client_id)
            or not self._is_for_us(claims.get("aud"))
            or expires_at is None
            or not now < expires_at <= now + LONGEST_LIFE + _LEEWAY
            or any(instant and instant > now + _LEEWAY for instant in begins)
            or not isinstance(jti, str)
            or not 0 < len(jti) <= _LONGEST_JTI
            or not use_once(self._client, jti, expires_at)
        ):
            raise fail()

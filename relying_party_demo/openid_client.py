"""Authlib's client, told to use our one view of the provider and to hold to what was registered.

Authlib builds the authorization request (state, nonce, PKCE), exchanges the code and validates the ID Token.
"""

import time
from typing import Any

from authlib.integrations.flask_client import FlaskOAuth2App, OAuth
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from flask import Flask
from joserfc.errors import InvalidClaimError, JoseError, MissingClaimError

from curfew_rp.strict_json import is_numeric_date
from relying_party_demo.config import RelyingPartyConfig
from relying_party_demo.openid_provider import TIMEOUT, Document, OpenIDProvider, prepare

LEEWAY_SECONDS = 60


class InvalidIDToken(Exception):
    """The provider sent an ID Token that must not be believed, or none."""


class StrictIDToken(CodeIDToken):  # type: ignore[misc] # Authlib ships no types.
    """An ID Token for this client alone, with the claims that OpenID Connect Core §3.1.3.7 asks for."""

    def validate(self, now: int | None = None, leeway: int = 0) -> None:
        """Check as Authlib does, and that nobody else is in the audience."""
        super().validate(now, leeway)
        # core §3.1.3.7 (3): refuse a token with additional audiences that are not trusted; we trust none.
        if self["aud"] not in (self.params["client_id"], [self.params["client_id"]]):
            raise InvalidClaimError("aud")


class OpenIDClient(FlaskOAuth2App):  # type: ignore[misc] # Authlib ships no types.
    """Authlib's Flask client for one registration at one provider."""

    provider: OpenIDProvider
    config: RelyingPartyConfig

    def load_server_metadata(self) -> Document:
        """Give Authlib our copy of the metadata, with the one algorithm that was registered."""
        # core §3.1.3.7 (7): the alg is the one registered, not whatever the provider is able to use.
        registered = [self.config.id_token_signed_response_alg]
        return {**self.provider.metadata(), "id_token_signing_alg_values_supported": registered}

    def fetch_jwk_set(self, force: bool = False) -> Document:
        """Give Authlib our copy of the keys."""
        return self.provider.jwks(force=force)

    def _get_oauth_client(self, **metadata: Any) -> OAuth2Session:
        session = super()._get_oauth_client(**metadata)
        prepare(session, self.config.ca_bundle)
        return session

    def validate_id_token(
        self, token: dict[str, Any], nonce: str | None, max_age: int | None = None
    ) -> Document:
        """Return the claims of a token response's ID Token, or raise InvalidIDToken."""
        values = {"iss": self.provider.issuer, "aud": self.config.client_id}
        expected = {claim: {"essential": True, "value": value} for claim, value in values.items()}

        def strict(claims: Document, header: Document, options: Document, params: Document) -> StrictIDToken:
            # Authlib gives the access token to its own class only; without it at_hash would go unchecked.
            return StrictIDToken(
                claims, header, options, {**params, "access_token": token.get("access_token")}
            )

        try:
            claims = self.parse_id_token(
                token, nonce, claims_options=expected, claims_cls=strict, leeway=LEEWAY_SECONDS
            )
            if claims is None:
                raise MissingClaimError("id_token")
            _check_auth_time(claims, max_age)
        except (JoseError, ValueError, TypeError, OverflowError) as exc:
            raise InvalidIDToken(str(exc)) from exc
        return dict(claims)

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        """Redeem a refresh token; raises Authlib's OAuthError when the provider refuses."""
        metadata = self.load_server_metadata()
        with self._get_oauth_client(**metadata) as session:
            return dict(
                session.refresh_token(metadata["token_endpoint"], refresh_token=refresh_token, scope=None)
            )


def _check_auth_time(claims: Document, max_age: int | None) -> None:
    # core §3.1.2.1: with max_age the ID Token MUST include auth_time; §3.1.3.7 (13): recent enough.
    if max_age is None:
        return
    if not is_numeric_date(claims.get("auth_time")):
        raise MissingClaimError("auth_time")
    if time.time() - claims["auth_time"] > max_age + LEEWAY_SECONDS:
        raise InvalidClaimError("auth_time")


def register(app: Flask, config: RelyingPartyConfig, provider: OpenIDProvider) -> OpenIDClient:
    """Make the one client of an app."""
    client: OpenIDClient = OAuth(app).register(
        config.name,
        client_cls=OpenIDClient,
        client_id=config.client_id,
        client_secret=config.client_secret or None,
        client_kwargs={
            "scope": config.scope,
            "code_challenge_method": "S256",
            "token_endpoint_auth_method": "client_secret_basic" if config.client_secret else "none",
            "default_timeout": TIMEOUT,
        },
    )
    client.provider, client.config = provider, config
    return client

"""Flask: sign-in with Authlib, with the kit's copy of the provider's documents and strict ID Tokens."""

from collections.abc import Iterable, Mapping
from typing import Any

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import FlaskOAuth2App, OAuth
from flask import Flask, redirect, request, session
from joserfc.errors import JoseError
from werkzeug.wrappers import Response

from curfew_rp import authlib_client
from curfew_rp.app_session import SignInRefused, with_userinfo
from curfew_rp.provider_keys import ProviderKeys


class ProviderClient(FlaskOAuth2App):  # type: ignore[misc] # Authlib ships no types.
    """Authlib's Flask client, which can also make calls with the tokens it has received."""

    keys: ProviderKeys
    algorithms: Iterable[str]

    def load_server_metadata(self) -> dict[str, Any]:
        """Give Authlib our copy of the metadata, with the algorithms that this app accepts."""
        # core §3.1.3.7 (7): the alg must be the registered one, not any that the provider supports.
        return {**self.keys.metadata(), "id_token_signing_alg_values_supported": sorted(self.algorithms)}

    def fetch_jwk_set(self, force: bool = False) -> dict[str, Any]:
        """Give Authlib our copy of the keys, which is refreshed at a limited rate."""
        return self.keys.jwks(anew=force)

    def parse_id_token(self, token: Mapping[str, Any], nonce: str | None, **_: Any) -> Any:
        """Validate strictly (core §3.1.3.7); raises SignInRefused."""
        strict = authlib_client.strictly(token, issuer=self.keys.issuer, client_id=self.client_id)
        try:
            return super().parse_id_token(token, nonce, **strict)
        except (JoseError, ValueError, TypeError, OverflowError) as exc:
            raise SignInRefused(str(exc), "invalid_id_token") from exc

    def ask(self, redirect_uri: str, wishes: Mapping[str, str]) -> Response:
        """Send the browser to the provider; `wishes` are parameters of the request (core §3.1.2.1).

        Raises SignInRefused for parameters that must not be sent.
        """
        authlib_client.check_wishes(wishes)
        asked = self.create_authorization_url(redirect_uri, **wishes)
        kept = {name: asked[name] for name in ("state", "nonce", "code_verifier") if name in asked}
        self.save_authorize_data(redirect_uri=redirect_uri, max_age=wishes.get("max_age"), **kept)
        return redirect(asked["url"])

    def redeem(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the token response and the claims of the person; raises SignInRefused."""
        asked = self.framework.get_state_data(session, request.args.get("state")) or {}
        try:
            token = dict(self.authorize_access_token())
            claims = dict(token.pop("userinfo", None) or {})
            if not claims or not isinstance(token.get("access_token"), str):
                raise SignInRefused("the token response lacks a token", "invalid_token_response")
            max_age = asked.get("max_age")
            authlib_client.check_auth_time(claims, None if max_age is None else int(max_age))
        except OAuthError as exc:
            raise SignInRefused(str(exc), authlib_client.code_of(exc)) from exc
        except JoseError as exc:
            raise SignInRefused(str(exc), "invalid_id_token") from exc
        return token, self._with_userinfo(token, claims)

    def refresh(self, refresh_token: str, sub: str) -> dict[str, Any]:
        """Redeem a refresh token of a person.

        Raises Authlib's OAuthError when the provider refuses, SignInRefused, and errors of requests.
        """
        metadata = self.load_server_metadata()
        with self._get_oauth_client(**metadata) as oauth:
            token = oauth.refresh_token(metadata["token_endpoint"], refresh_token=refresh_token, scope=None)
        # core §12.2: an ID Token from a refresh has the same iss, sub and aud as the first one.
        if "id_token" in token and self.parse_id_token(token, None)["sub"] != sub:
            raise SignInRefused("the refreshed ID Token is of another person", "invalid_id_token")
        return dict(token)

    def _with_userinfo(self, token: Mapping[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
        """Add the claims that the provider keeps out of the ID Token (core §5.4)."""
        granted = str(token.get("scope") or self.client_kwargs["scope"]).split()
        if "name" in claims or "profile" not in granted:
            return claims
        userinfo = self.get(self.keys.endpoint("userinfo_endpoint"), token=token)
        userinfo.raise_for_status()
        return with_userinfo(claims, userinfo.json())


def register(
    app: Flask,
    keys: ProviderKeys,
    *,
    client_id: str,
    client_secret: str | None,
    scope: str,
    algorithms: Iterable[str],
    ca_bundle: str | None,
) -> ProviderClient:
    """Return the client of an app."""
    client: ProviderClient = OAuth(app).register(
        "curfew_rp",
        client_cls=ProviderClient,
        **authlib_client.settings(
            issuer=keys.issuer,
            client_id=client_id,
            client_secret=client_secret,
            scope=scope,
            ca_bundle=ca_bundle,
        ),
    )
    client.keys, client.algorithms = keys, algorithms
    return client

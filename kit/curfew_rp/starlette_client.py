"""Starlette: sign-in with Authlib, with the kit's copy of the provider's documents and strict ID Tokens."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth, StarletteOAuth2App
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import RedirectResponse

from curfew_rp import authlib_client
from curfew_rp.app_session import SignInRefused, with_userinfo
from curfew_rp.provider_keys import ProviderKeys


class ProviderClient(StarletteOAuth2App):  # type: ignore[misc] # Authlib ships no types.
    """Authlib's Starlette client, which can also make calls with the tokens it has received."""

    keys: ProviderKeys
    algorithms: Iterable[str]

    async def load_server_metadata(self) -> dict[str, Any]:
        """Give Authlib our copy of the metadata, with the algorithms that this app accepts."""
        metadata = await asyncio.to_thread(self.keys.metadata)
        # core §3.1.3.7 (7): the alg must be the registered one, not any that the provider supports.
        return {**metadata, "id_token_signing_alg_values_supported": sorted(self.algorithms)}

    async def fetch_jwk_set(self, force: bool = False) -> dict[str, Any]:
        """Give Authlib our copy of the keys, which is refreshed at a limited rate."""
        return await asyncio.to_thread(self.keys.jwks, anew=force)

    async def parse_id_token(self, token: Mapping[str, Any], nonce: str | None, **_: Any) -> Any:
        """Validate strictly (core §3.1.3.7); raises SignInRefused."""
        strict = authlib_client.strictly(token, issuer=self.keys.issuer, client_id=self.client_id)
        try:
            return await super().parse_id_token(token, nonce, **strict)
        except (JoseError, ValueError, TypeError, OverflowError) as exc:
            raise SignInRefused(str(exc), "invalid_id_token") from exc

    async def ask(self, request: Request, redirect_uri: str, wishes: Mapping[str, str]) -> RedirectResponse:
        """Send the browser to the provider; `wishes` are parameters of the request (core §3.1.2.1).

        Raises SignInRefused for parameters that must not be sent.
        """
        authlib_client.check_wishes(wishes)
        asked = await self.create_authorization_url(redirect_uri, **wishes)
        kept = {name: asked[name] for name in ("state", "nonce", "code_verifier") if name in asked}
        kept |= {"redirect_uri": redirect_uri, "max_age": wishes.get("max_age")}
        await self.save_authorize_data(request, **kept)
        return RedirectResponse(asked["url"], 302)

    async def redeem(self, request: Request) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the token response and the claims of the person; raises SignInRefused."""
        state = request.query_params.get("state", "")
        asked = await self.framework.get_state_data(request.session, state) or {}
        try:
            token = dict(await self.authorize_access_token(request))
            claims = dict(token.pop("userinfo", None) or {})
            if not claims or not isinstance(token.get("access_token"), str):
                raise SignInRefused("the token response lacks a token", "invalid_token_response")
            max_age = asked.get("max_age")
            authlib_client.check_auth_time(claims, None if max_age is None else int(max_age))
        except OAuthError as exc:
            raise SignInRefused(str(exc), authlib_client.code_of(exc)) from exc
        except JoseError as exc:
            raise SignInRefused(str(exc), "invalid_id_token") from exc
        return token, await self._with_userinfo(token, claims)

    async def refresh(self, refresh_token: str, sub: str) -> dict[str, Any]:
        """Redeem a refresh token of a person.

        Raises Authlib's OAuthError when the provider refuses, SignInRefused, and errors of httpx2.
        """
        metadata = await self.load_server_metadata()
        async with self._get_oauth_client(**metadata) as oauth:
            token = await oauth.refresh_token(
                metadata["token_endpoint"], refresh_token=refresh_token, scope=None
            )
        # core §12.2: an ID Token from a refresh has the same iss, sub and aud as the first one.
        if "id_token" in token and (await self.parse_id_token(token, None))["sub"] != sub:
            raise SignInRefused("the refreshed ID Token is of another person", "invalid_id_token")
        return dict(token)

    async def _with_userinfo(self, token: Mapping[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
        """Add the claims that the provider keeps out of the ID Token (core §5.4)."""
        granted = str(token.get("scope") or self.client_kwargs["scope"]).split()
        if "name" in claims or "profile" not in granted:
            return claims
        endpoint = await asyncio.to_thread(self.keys.endpoint, "userinfo_endpoint")
        userinfo = await self.get(endpoint, token=token)
        userinfo.raise_for_status()
        return with_userinfo(claims, userinfo.json())


def register(
    keys: ProviderKeys,
    *,
    client_id: str,
    client_secret: str | None,
    scope: str,
    algorithms: Iterable[str],
    ca_bundle: str | None,
) -> ProviderClient:
    """Return the client of an app."""
    settings = authlib_client.settings(
        issuer=keys.issuer,
        client_id=client_id,
        client_secret=client_secret,
        scope=scope,
        ca_bundle=ca_bundle,
    )
    client: ProviderClient = OAuth().register("curfew_rp", client_cls=ProviderClient, **settings)
    client.keys, client.algorithms = keys, algorithms
    return client

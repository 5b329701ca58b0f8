"""Starlette: the sign-in by Authlib, with one view of the provider and strict ID Tokens (core §3.1)."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth, StarletteOAuth2App
from joserfc.errors import JoseError
from starlette.requests import Request

from curfew_rp import authlib_client
from curfew_rp.app_session import SignInRefused, with_userinfo
from curfew_rp.provider_keys import ProviderKeys


class ProviderClient(StarletteOAuth2App):  # type: ignore[misc] # Authlib ships no types.
    """Authlib's Starlette client, which also serves for calls with the tokens that it has got."""

    keys: ProviderKeys
    algorithms: Iterable[str]

    async def load_server_metadata(self) -> dict[str, Any]:
        """Give Authlib our copy of the metadata, with the algorithms that this app accepts."""
        metadata = await asyncio.to_thread(self.keys.metadata)
        # core §3.1.3.7 (7): the alg is the one registered, not whatever the provider is able to use.
        return {**metadata, "id_token_signing_alg_values_supported": sorted(self.algorithms)}

    async def fetch_jwk_set(self, force: bool = False) -> dict[str, Any]:
        """Give Authlib our copy of the keys, whose refresh is bounded."""
        return await asyncio.to_thread(self.keys.jwks, anew=force)

    async def parse_id_token(self, token: Mapping[str, Any], nonce: str | None, **_: Any) -> Any:
        """Validate strictly (core §3.1.3.7); raises SignInRefused."""
        strict = authlib_client.strictly(token, issuer=self.keys.issuer, client_id=self.client_id)
        try:
            return await super().parse_id_token(token, nonce, **strict)
        except (JoseError, ValueError, TypeError, OverflowError) as exc:
            raise SignInRefused(str(exc), "invalid_id_token") from exc

    async def redeem(self, request: Request) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the token response and the claims of the person; raises SignInRefused."""
        try:
            token = dict(await self.authorize_access_token(request))
        except OAuthError as exc:
            raise SignInRefused(str(exc), exc.error or "invalid_grant") from exc
        claims = dict(token.pop("userinfo", None) or {})
        if not claims or not isinstance(token.get("access_token"), str):
            raise SignInRefused("the token response lacks a token", "invalid_token_response")
        granted = str(token.get("scope") or self.client_kwargs["scope"]).split()
        if "name" in claims or "profile" not in granted:
            return token, claims
        endpoint = await asyncio.to_thread(self.keys.endpoint, "userinfo_endpoint")
        told = await self.get(endpoint, token=token)
        told.raise_for_status()
        return token, with_userinfo(claims, told.json())


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

"""The way to the provider and back: the authorization request, and the check of its response.

Authlib implements the protocol; tokens are used here and then forgotten. The gate keeps only the ID Token,
which identifies the session at sign-out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from authlib.integrations.base_client import BaseApp, OAuth2Mixin, OAuthError, OpenIDMixin
from authlib.integrations.requests_client import OAuth2Session
from joserfc.errors import JoseError

from curfew_rp import authlib_client
from curfew_rp.app_session import AppSessions, SignInRefused
from curfew_rp.errors import ProviderUnreachable
from curfew_rp.gate.attempts import Attempt
from curfew_rp.gate.settings import Settings
from curfew_rp.signed_token import ALGORITHMS

_LONGEST_CODE = 2048


class _Client(OAuth2Mixin, OpenIDMixin, BaseApp):  # type: ignore[misc]  # Authlib has no types.
    """Authlib's client without a web framework."""

    client_cls = OAuth2Session


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """The facts from the provider: the claims of the ID Token, those with UserInfo, and the scopes."""

    id_claims: Mapping[str, Any]
    claims: Mapping[str, Any]
    scopes: tuple[str, ...]
    id_token: str = field(repr=False)


class Provider:
    """Signs people in at the one provider of the gate; raises ProviderUnreachable."""

    def __init__(self, settings: Settings, sessions: AppSessions) -> None:
        self._settings = settings
        self._sessions = sessions

    def authorization_url(self, attempt: Attempt, redirect_uri: str, acr_values: str | None) -> str:
        """Return the URL to which the browser is sent."""
        more = {"acr_values": acr_values} if acr_values else {}
        made = self._client().create_authorization_url(
            redirect_uri,
            state=attempt.state,
            nonce=attempt.nonce,
            code_verifier=attempt.code_verifier,
            **more,
        )
        return str(made["url"])

    def redeem(self, attempt: Attempt, params: Mapping[str, str], redirect_uri: str) -> SignedIn:
        """Redeem the code of an authorization response; return the verified facts. Raises SignInRefused."""
        self._sessions.check_answer(params)
        if "error" in params:
            raise SignInRefused(f"the provider answered {params['error'][:80]!r}")
        code = params.get("code", "")
        if not 0 < len(code) <= _LONGEST_CODE:
            raise SignInRefused("the response has no code")
        client = self._client()
        try:
            return self._exchange(client, code, attempt, redirect_uri)
        except (OAuthError, JoseError) as exc:
            raise SignInRefused(str(exc)) from exc
        except (requests.RequestException, ValueError) as exc:
            raise ProviderUnreachable(f"the provider does not answer: {type(exc).__name__}") from exc

    def _exchange(self, client: Any, code: str, attempt: Attempt, redirect_uri: str) -> SignedIn:
        token = client.fetch_access_token(
            redirect_uri, code=code, state=attempt.state, code_verifier=attempt.code_verifier
        )
        settings = self._settings
        strictly = authlib_client.strictly(token, issuer=settings.issuer, client_id=settings.client_id)
        id_claims = client.parse_id_token(token, nonce=attempt.nonce, **strictly)
        if not id_claims:
            raise SignInRefused("the provider has sent no ID Token")
        scope = token.get("scope")
        return SignedIn(
            id_claims=id_claims,
            claims=self._userinfo(client, token, id_claims) | dict(id_claims),
            # rfc6749 §5.1: an omitted scope means the scope that was requested.
            scopes=tuple((scope if isinstance(scope, str) else self._settings.scope).split()),
            id_token=token["id_token"],
        )

    def _userinfo(
        self, client: Any, token: Mapping[str, Any], id_claims: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the claims of the UserInfo Endpoint (core §5.4), if there is one."""
        if not self._sessions.receiver.keys.metadata().get("userinfo_endpoint"):
            return {}
        said = dict(client.userinfo(token=token))
        # core §5.3.2: a response about another person must not be used.
        if said.get("sub") != id_claims.get("sub"):
            raise SignInRefused("UserInfo is about another person")
        return said

    def _client(self) -> Any:
        """Return a client with the provider's current metadata and keys."""
        settings, keys = self._settings, self._sessions.receiver.keys
        configured = authlib_client.settings(
            issuer=settings.issuer,
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            scope=settings.scope,
            ca_bundle=settings.ca_bundle,
        )
        del configured["server_metadata_url"]
        metadata = keys.metadata() | {
            "jwks": {"keys": keys.find_keys(None)},
            "id_token_signing_alg_values_supported": list(ALGORITHMS),
        }
        return _Client(None, **configured, **metadata)

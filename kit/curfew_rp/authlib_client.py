"""Authlib's client, for every framework that it supports: settings and strict checks of ID Tokens."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from authlib.integrations.base_client import OAuthError
from authlib.oidc.core import CodeIDToken
from joserfc.errors import InvalidClaimError, MissingClaimError

from curfew_rp.app_session import SignInRefused
from curfew_rp.strict_json import is_numeric_date

_TIMEOUT_SECONDS = 10
LEEWAY_SECONDS = 60


def settings(
    *, issuer: str, client_id: str, client_secret: str | None, scope: str, ca_bundle: str | None
) -> dict[str, Any]:
    """Return arguments for Authlib's `register`: discovery, PKCE, and a public client without a secret."""
    return {
        "client_id": client_id,
        "client_secret": client_secret,
        "server_metadata_url": issuer.rstrip("/") + "/.well-known/openid-configuration",
        "client_kwargs": {
            "scope": scope,
            "code_challenge_method": "S256",
            "token_endpoint_auth_method": "client_secret_basic" if client_secret else "none",
            "timeout": _TIMEOUT_SECONDS,
            "trust_env": False,
            "verify": ca_bundle or True,
        },
    }


def code_of(error: OAuthError) -> str:
    """Return the error code for the app: OAuth's own, or `state_mismatch`."""
    code: str = error.error or "invalid_grant"
    return "state_mismatch" if code == "mismatching_state" else code


class StrictIDToken(CodeIDToken):  # type: ignore[misc] # Authlib ships no types.
    """An ID Token for this client alone, with the claims that OpenID Connect Core §3.1.3.7 requires."""

    def validate(self, now: int | None = None, leeway: int = 0) -> None:
        """Check as Authlib does, and that there is no other audience."""
        super().validate(now, leeway)
        # core §3.1.3.7 (3): refuse a token with additional audiences that are not trusted; we trust none.
        if self["aud"] not in (self.params["client_id"], [self.params["client_id"]]):
            raise InvalidClaimError("aud")


def strictly(token: Mapping[str, Any], *, issuer: str, client_id: str) -> dict[str, Any]:
    """Return arguments with which Authlib's `parse_id_token` validates an ID Token strictly."""
    return {
        "claims_options": {
            "iss": {"essential": True, "value": issuer},
            "aud": {"essential": True, "value": client_id},
        },
        "claims_cls": _with_access_token(token.get("access_token")),
        "leeway": LEEWAY_SECONDS,
    }


def _with_access_token(access_token: object) -> Callable[..., StrictIDToken]:
    # Authlib gives the access token to its own class only; without it at_hash would go unchecked.
    def strict(claims: Any, header: Any, options: Any, params: Mapping[str, Any]) -> StrictIDToken:
        return StrictIDToken(claims, header, options, {**params, "access_token": access_token})

    return strict


def check_wishes(wishes: Mapping[str, str]) -> None:
    """Reject parameters of a sign-in whose response could not be verified; raises SignInRefused."""
    max_age, scope = wishes.get("max_age", "0"), wishes.get("scope", "openid")
    if "openid" not in scope.split() or not re.fullmatch(r"[0-9]{1,9}", max_age):
        raise SignInRefused("scope must contain openid, max_age must be a number", "invalid_request")


def check_auth_time(claims: Mapping[str, Any], max_age: int | None) -> None:
    """core §3.1.2.1: with max_age there MUST be an auth_time; §3.1.3.7 (13): recent enough."""
    if max_age is None:
        return
    if not is_numeric_date(claims.get("auth_time")):
        raise MissingClaimError("auth_time")
    if time.time() - claims["auth_time"] > max_age + LEEWAY_SECONDS:
        raise InvalidClaimError("auth_time")

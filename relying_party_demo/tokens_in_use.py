"""Using the app's own tokens: redeem the refresh token, ask userinfo; and say what came of it.

An ended session with offline_access still has its refresh token: that is what the grant is for, and here it
can be seen to work until the provider revokes it.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import requests
from authlib.integrations.base_client import OAuthError

from relying_party_demo.local_sessions import LocalSession
from relying_party_demo.openid_client import InvalidIDToken
from relying_party_demo.openid_provider import ProviderUnreachable
from relying_party_demo.relying_party import RelyingParty, current_session, forget_current_session
from relying_party_demo.sign_in import tokens_from

SHOWN_CHARACTERS = 4000


@dataclass(frozen=True, slots=True)
class Outcome:
    """The provider's status, or ours when it was not asked, and what may be shown of the answer."""

    status: int
    body: dict[str, Any]

    @property
    def is_ok(self) -> bool:
        """Whether it worked."""
        return self.status == HTTPStatus.OK


def refresh(rp: RelyingParty) -> Outcome:
    """Redeem the refresh token of this browser's session, live or kept after its ending."""
    with rp.refresh_lock:
        # Read inside the lock, since whoever held it before may have rotated the token.
        forget_current_session()
        session = current_session()
        if session is None or session.refresh_token is None:
            return Outcome(
                409, {"error": "no_refresh_token", "error_description": "this app has no refresh token"}
            )
        try:
            token = rp.client.refresh(session.refresh_token)
            check_same_person(rp, session, token)
            return keep(rp, session, token)
        except OAuthError as exc:
            # rfc6749 §5.2: an invalid_grant is for good, so the token is of no more use.
            if exc.error == "invalid_grant":
                rp.sessions.drop_refresh_token(session)
            return Outcome(400, {"error": exc.error, "error_description": exc.description})
        except InvalidIDToken as exc:
            return Outcome(502, {"error": "invalid_id_token", "error_description": str(exc)})
        except (ProviderUnreachable, requests.RequestException):
            return Outcome(
                502, {"error": "provider_unreachable", "error_description": "the provider does not answer"}
            )


def check_same_person(rp: RelyingParty, session: LocalSession, token: dict[str, Any]) -> None:
    """core §12.2: an ID Token that comes with a refresh has the same iss, sub and aud as the first one."""
    if "id_token" in token and rp.client.validate_id_token(token, nonce=None)["sub"] != session.sub:
        raise InvalidIDToken("the refreshed ID Token speaks of another person")


def keep(rp: RelyingParty, session: LocalSession, token: dict[str, Any]) -> Outcome:
    """Store the new tokens, unless a Logout Token took the old ones away while we waited."""
    # rfc6749 §6: without a new refresh token the old one stays in use; Authlib carries it over.
    tokens = tokens_from(token, default_scope=session.scope)
    if not rp.sessions.replace_tokens(session, tokens):
        return Outcome(409, {"error": "session_ended", "error_description": "the session ended meanwhile"})
    forget_current_session()
    return Outcome(
        200,
        {
            "scope": tokens.scope,
            "expires_in": token.get("expires_in"),
            "rotated": tokens.refresh_token != session.refresh_token,
            "session_has_ended": not session.is_live,
        },
    )


def userinfo(rp: RelyingParty) -> Outcome:
    """Ask the provider who this is, with the session's access token."""
    session = current_session()
    if session is None or session.access_token is None:
        return Outcome(409, {"error": "no_access_token", "error_description": "this app has no access token"})
    bearer = {"access_token": session.access_token, "token_type": "Bearer"}
    try:
        response = rp.client.get(rp.provider.endpoint("userinfo_endpoint"), token=bearer)
    except (ProviderUnreachable, requests.RequestException):
        return Outcome(
            502, {"error": "provider_unreachable", "error_description": "the provider does not answer"}
        )
    return Outcome(response.status_code, readable(response))


def readable(response: requests.Response) -> dict[str, Any]:
    """The body as JSON, or the reason given in WWW-Authenticate (rfc6750 §3)."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, dict):
        return body
    challenge = response.headers.get("WWW-Authenticate", "")
    return {"www_authenticate": challenge[:SHOWN_CHARACTERS], "text": response.text[:SHOWN_CHARACTERS]}

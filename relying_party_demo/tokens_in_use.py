"""Use the app's own tokens: redeem the refresh token, call userinfo, and report the result.

An ended session with offline_access still has its refresh token: that is the purpose of such a grant, and
this shows that the token works until the provider revokes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import requests
from authlib.integrations.base_client import OAuthError

from curfew_rp.app_session import SignInRefused
from curfew_rp.errors import CannotTell
from relying_party_demo.local_sessions import LocalSession
from relying_party_demo.relying_party import RelyingParty, current_session

SHOWN_CHARACTERS = 4000


@dataclass(frozen=True, slots=True)
class Outcome:
    """The provider's status, or our own if it was not called, and the part of the response to show."""

    status: int
    body: dict[str, Any]

    @property
    def is_ok(self) -> bool:
        """Whether it worked."""
        return self.status == HTTPStatus.OK


def refresh(rp: RelyingParty) -> Outcome:
    """Redeem the refresh token of this browser's session, live or kept after it ended."""
    with rp.refresh_lock:
        # Read inside the lock, because the previous holder may have rotated the token.
        session = current_session()
        if session is None or session.refresh_token is None:
            return _failed(409, "no_refresh_token", "this app has no refresh token")
        try:
            return keep(rp, session, rp.curfew.client.refresh(session.refresh_token, session.sub))
        except OAuthError as exc:
            # rfc6749 §5.2: invalid_grant is final, so the token is useless.
            if exc.error == "invalid_grant":
                rp.sessions.drop_refresh_token(session)
            return _failed(400, exc.error, exc.description)
        except SignInRefused as exc:
            return _failed(502, exc.code, str(exc))
        except (CannotTell, requests.RequestException):
            return _failed(502, "provider_unreachable", "the provider does not answer")


def keep(rp: RelyingParty, session: LocalSession, token: Mapping[str, Any]) -> Outcome:
    """Store the new tokens, unless a Logout Token has removed the old ones in the meantime."""
    # rfc6749 §6: without a new refresh token the old one stays in use; Authlib carries it over.
    if not rp.sessions.replace_tokens(session, token):
        return _failed(409, "session_ended", "the session ended meanwhile")
    return Outcome(
        200,
        {
            "scope": str(token.get("scope") or session.scope),
            "expires_in": token.get("expires_in"),
            "rotated": token["refresh_token"] != session.refresh_token,
            "session_has_ended": not session.is_live,
        },
    )


def userinfo(rp: RelyingParty) -> Outcome:
    """Call userinfo with the session's access token."""
    try:
        return call(rp, rp.curfew.sessions.receiver.keys.endpoint("userinfo_endpoint"))
    except CannotTell:
        return _failed(502, "provider_unreachable", "the provider does not answer")


def call(rp: RelyingParty, url: str) -> Outcome:
    """Call a URL with the session's access token."""
    session = current_session()
    if session is None or session.access_token is None:
        return _failed(409, "no_access_token", "this app has no access token")
    bearer = {"access_token": session.access_token, "token_type": "Bearer"}
    try:
        response = rp.curfew.client.get(url, token=bearer)
    except requests.RequestException:
        return _failed(502, "unreachable", "there is no response")
    return Outcome(response.status_code, readable(response))


def _failed(status: int, error: str, description: str) -> Outcome:
    return Outcome(status, {"error": error, "error_description": description})


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

"""The part of a sign-in that an app keeps in its framework's session: begin, check and end it.

The session may be a cookie or a row; this uses only the mapping that frameworks give to their views.
"""

import logging
import secrets
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from curfew_rp.errors import ProviderUnreachable, StoreUnavailable
from curfew_rp.receiver import LogoutReceiver
from curfew_rp.session_index import SignIn

SESSION_KEY = "curfew_rp"
# The claims that views usually need; everything has to fit into a cookie of 4 KB.
KEPT_CLAIMS = ("name", "preferred_username", "email", "acr", "amr", "auth_time")
_LONGEST_CLAIM = 200
_LONGEST_ID_TOKEN = 2048
# Kept in the session while a person signs in: a longer target would not fit into the cookie with the rest.
_LONGEST_TARGET = 1024
_log = logging.getLogger("curfew_rp")
Session = MutableMapping[str, Any]


class SignInRefused(Exception):
    """The provider's response to a sign-in is invalid or names no person; `code` identifies the rule."""

    def __init__(self, description: str, code: str = "invalid_id_token") -> None:
        super().__init__(description)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """The person who is signed in, with their sign-in."""

    sign_in: SignIn
    local_id: str
    claims: Mapping[str, Any]
    id_token: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The name to show for the person."""
        chosen = (self.claims.get(claim) for claim in ("name", "preferred_username", "email"))
        return next((str(text) for text in chosen if text), self.sign_in.sub)


class AppSessions:
    """The sessions of an app that signs people in at the receiver's provider."""

    def __init__(self, receiver: LogoutReceiver) -> None:
        self.receiver = receiver
        self.index = receiver.index

    def begin(self, session: Session, claims: Mapping[str, Any], id_token: str | None = None) -> bool:
        """Store a sign-in with the claims of its validated ID Token, in place of an earlier one.

        Otherwise like `keep`.
        """
        self.end(session)
        return self.keep(session, claims, secrets.token_urlsafe(16), id_token)

    def keep(
        self, session: Session, claims: Mapping[str, Any], local_id: str, id_token: str | None = None
    ) -> bool:
        """Store a sign-in in a session that the framework has begun and identifies by `local_id`.

        Returns False, and stores nothing, if the provider has already ended the sign-in. Raises SignInRefused
        for claims without a subject or of another issuer, and StoreUnavailable.
        """
        try:
            sign_in = SignIn.from_claims(claims)
        except ValueError as exc:
            raise SignInRefused(str(exc)) from exc
        if sign_in.iss != self.index.issuer:
            raise SignInRefused("the ID Token is of another issuer")
        if not self.index.remember(sign_in, local_id):
            return False
        session[SESSION_KEY] = {
            **sign_in.as_dict(),
            "local_id": local_id,
            "claims": {name: claims[name] for name in KEPT_CLAIMS if _is_short(claims.get(name))},
            # Without it the provider asks the person before it signs them out.
            "id_token": id_token if id_token and len(id_token) <= _LONGEST_ID_TOKEN else None,
        }
        return True

    def renew(
        self, session: Session, claims: Mapping[str, Any], local_id: str, id_token: str | None = None
    ) -> bool:
        """Replace the sign-in of a session with a newer one of the same person.

        From then on, a logout of the newer sign-in ends the session. Otherwise like `keep`.
        """
        earlier = user_of(session)
        if earlier is not None and earlier.local_id == local_id:
            self.index.release(earlier.sign_in, local_id)
        elif earlier is not None:
            self.forget(earlier)
        return self.keep(session, claims, local_id, id_token)

    def check(self, session: Session) -> bool:
        """Return whether the session may be used; clear it if it has ended.

        Returns True for a session without a sign-in. Raises StoreUnavailable if the store does not answer.
        """
        if SESSION_KEY not in session:
            return True
        user = user_of(session)
        if user is not None and self.index.is_live(user.sign_in, user.local_id):
            return True
        session.clear()
        return False

    def end(self, session: Session) -> User | None:
        """Sign out of this app only, even if the store is unavailable; return the user who was signed in."""
        user = user_of(session)
        if user is not None:
            self.forget(user)
            session.clear()
        return user

    def forget(self, user: User) -> None:
        """Reject copies of a session that was signed out; if the store is unavailable, only log it."""
        try:
            self.index.forget(user.sign_in, user.local_id)
        except StoreUnavailable:
            _log.warning("sign_out_not_shared", exc_info=True)

    def end_session_url(self, user: User | None, return_to: str) -> str | None:
        """Return the URL for signing out at the provider; None if the provider's metadata is unavailable."""
        asked = {"client_id": self.receiver.client_id, "post_logout_redirect_uri": return_to}
        if user is not None and user.id_token:
            asked["id_token_hint"] = user.id_token
        try:
            endpoint = self.receiver.keys.endpoint("end_session_endpoint")
        except ProviderUnreachable:
            return None
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(asked)}"

    def check_answer(self, query: Mapping[str, str]) -> None:
        """Reject an authorization response from another issuer (rfc9207 §2.4); raises SignInRefused."""
        iss = query.get("iss")
        promised = self.receiver.keys.metadata().get("authorization_response_iss_parameter_supported") is True
        if iss != self.index.issuer and (iss is not None or promised):
            raise SignInRefused("the response is of another issuer", "issuer_mismatch")


def with_userinfo(claims: Mapping[str, Any], userinfo: object) -> dict[str, Any]:
    """Add the claims that the provider keeps out of the ID Token (core §5.4); raises SignInRefused."""
    # core §5.3.2: if the sub is another one, the UserInfo Response values MUST NOT be used.
    if not isinstance(userinfo, Mapping) or userinfo.get("sub") != claims["sub"]:
        raise SignInRefused("userinfo is of another person", "invalid_userinfo")
    return {**userinfo, **claims}


def user_of(session: Mapping[str, Any]) -> User | None:
    """Return the user of a session that `check` has accepted, or None."""
    kept = session.get(SESSION_KEY)
    sign_in = SignIn.from_dict(kept)
    if sign_in is None or not isinstance(kept, Mapping) or not isinstance(kept.get("local_id"), str):
        return None
    claims = kept.get("claims")
    return User(
        sign_in=sign_in,
        local_id=kept["local_id"],
        claims=claims if isinstance(claims, Mapping) else {},
        id_token=kept.get("id_token"),
    )


def is_from_another_site(sec_fetch_site: str | None) -> bool:
    """Return whether another site made the browser send this request; browsers tell since 2023."""
    return sec_fetch_site == "cross-site"


def local_path(target: str | None) -> str:
    """Return the path to go to after signing in: always one of this app, whatever a link says."""
    # Browsers treat a backslash as a slash, and drop tabs and line breaks.
    if target is None or len(target) > _LONGEST_TARGET or not target.startswith("/"):
        return "/"
    return "/" if target.startswith("//") or "\\" in target or not target.isprintable() else target


def _is_short(value: object) -> bool:
    return value is not None and len(str(value)) <= _LONGEST_CLAIM

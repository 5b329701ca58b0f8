"""Signing in: the code flow with PKCE, state, nonce and iss, by way of Authlib (core §3.1)."""

from typing import Any

import requests
from authlib.integrations.base_client import OAuthError
from flask import Blueprint, redirect, request, session, url_for
from werkzeug.wrappers import Response

from relying_party_demo.local_sessions import LocalSession, Person, Tokens
from relying_party_demo.openid_client import InvalidIDToken
from relying_party_demo.openid_provider import ProviderUnreachable
from relying_party_demo.relying_party import (
    RelyingParty,
    current_rp,
    end_locally,
    hand_over,
    live_session,
    new_handle,
)

PASSED_ON = ("prompt", "login_hint", "max_age", "ui_locales", "scope")

bp = Blueprint("sign_in", __name__)


class SignInRefused(Exception):
    """A sign-in that must not succeed; `code` chooses a person's words, the message is for developers."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@bp.get("/login")
def login() -> Response:
    """Send the browser to the provider."""
    rp = current_rp()
    wishes = {name: request.args[name] for name in PASSED_ON if request.args.get(name)}
    if "openid" not in wishes.get("scope", "openid").split() or not wishes.get("max_age", "0").isdecimal():
        raise SignInRefused("invalid_request", "scope must contain openid, and max_age must be a number")
    asked = rp.client.create_authorization_url(rp.config.redirect_uri, **wishes)
    rp.client.save_authorize_data(
        redirect_uri=rp.config.redirect_uri,
        max_age=int(wishes["max_age"]) if "max_age" in wishes else None,
        scope=wishes.get("scope", rp.config.scope),
        **asked,
    )
    return redirect(asked["url"])


@bp.get("/callback")
def callback() -> Response:
    """Take the provider's answer, validate all of it, and only then begin a session."""
    rp = current_rp()
    asked = take_request(rp)
    check_issuer(rp)
    if error := request.args.get("error"):
        raise SignInRefused(error, request.args.get("error_description", error))
    token, claims = redeem_code(rp, asked)
    tokens = tokens_from(token, default_scope=asked["scope"])
    person = person_from(rp, claims, tokens)
    if previous := live_session():
        end_locally(previous, "replaced by a new sign-in")
    handle = new_handle()
    begin(rp, handle, person, tokens)
    return hand_over(redirect(url_for("home.home")), handle)


def take_request(rp: RelyingParty) -> dict[str, Any]:
    """The request of this browser that the state belongs to; it can be taken once."""
    state = request.args.get("state")
    asked: dict[str, Any] | None = rp.client.framework.get_state_data(session, state)
    rp.client.framework.clear_state_data(session, state)
    if not asked:
        raise SignInRefused("state_mismatch", "the state is not one that this browser was given")
    return asked


def check_issuer(rp: RelyingParty) -> None:
    """rfc9207 §2.4: compare exactly, and refuse an answer without iss when the provider promises it."""
    is_promised = rp.provider.metadata().get("authorization_response_iss_parameter_supported") is True
    iss = request.args.get("iss")
    if iss != rp.config.issuer and (iss is not None or is_promised):
        raise SignInRefused("issuer_mismatch", "the answer does not come from the provider of this app")


def redeem_code(rp: RelyingParty, asked: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Exchange the code and validate the ID Token that comes for it."""
    try:
        token = rp.client.fetch_access_token(
            redirect_uri=asked["redirect_uri"],
            code=request.args.get("code", ""),
            code_verifier=asked["code_verifier"],
        )
        claims = rp.client.validate_id_token(token, asked["nonce"], asked["max_age"])
    except OAuthError as exc:
        raise SignInRefused(exc.error or "invalid_grant", str(exc)) from exc
    except InvalidIDToken as exc:
        raise SignInRefused("invalid_id_token", str(exc)) from exc
    return token, claims


def tokens_from(token: dict[str, Any], default_scope: str) -> Tokens:
    """rfc6749 §5.1: access_token is required; a missing scope means the one that was asked for."""
    if not isinstance(token.get("access_token"), str):
        raise ProviderUnreachable("the token response has no access_token")
    return Tokens(
        access_token=token["access_token"],
        scope=str(token.get("scope") or default_scope),
        refresh_token=token.get("refresh_token"),
        id_token=token.get("id_token"),
    )


def person_from(rp: RelyingParty, claims: dict[str, Any], tokens: Tokens) -> Person:
    """Who signed in; name and email come from userinfo when the ID Token leaves them out (core §5.4)."""
    known = claims
    if "name" not in claims and "profile" in tokens.scope.split():
        userinfo = rp.client.get(
            rp.provider.endpoint("userinfo_endpoint"),
            token={"access_token": tokens.access_token, "token_type": "Bearer"},
        )
        userinfo.raise_for_status()
        known = userinfo.json()
        # core §5.3.2: if the sub is another one, the UserInfo Response values MUST NOT be used.
        if known.get("sub") != claims["sub"]:
            raise SignInRefused("invalid_userinfo", "userinfo speaks of another person")
    return Person(
        iss=claims["iss"],
        sub=claims["sub"],
        sid=claims.get("sid"),
        name=known.get("name"),
        email=known.get("email"),
    )


def begin(rp: RelyingParty, handle: str, person: Person, tokens: Tokens) -> LocalSession:
    """Begin the session, unless its Logout Token overtook the sign-in: then it is born ended."""
    with rp.database.transaction():
        begun = rp.sessions.create(handle, person, tokens)
        is_over = person.sid is not None and rp.heard.has_ended(person.iss, person.sid)
        rp.journal.record(
            "rp_signed_in", sub=person.sub, sid=person.sid, name=person.name, scope=tokens.scope
        )
    if is_over:
        end_locally(begun, "its Logout Token came before the sign-in was finished")
    return begun


# What a person reads when a sign-in fails, by error code: a title and a sentence.
WORDS = {
    "access_denied": (
        "You did not sign in",
        "You, or the sign-in service, said no. Nothing has changed here.",
    ),
    "login_required": (
        "You are not signed in yet",
        "The sign-in service would have to ask you for your password.",
    ),
    "consent_required": (
        "A permission is missing",
        "The sign-in service would have to ask for your permission.",
    ),
    "interaction_required": (
        "A question is open",
        "The sign-in service would have to ask you something first.",
    ),
    "state_mismatch": (
        "This sign-in cannot be finished here",
        "It was already used, took too long, or began in another browser. Starting again helps.",
    ),
}
WORDS["account_selection_required"] = WORDS["interaction_required"]
OTHERWISE = (
    "The sign-in did not work",
    "The answer of the sign-in service could not be accepted. Please try again.",
)


def words_for(exc: SignInRefused) -> tuple[str, str]:
    """The title and the sentence for a person."""
    return WORDS.get(exc.code, OTHERWISE)


UNREACHABLE = (ProviderUnreachable, requests.RequestException)

"""Token responses (rfc6749 §5.1, core §3.1.3.3) and the first tokens of a grant."""

from collections.abc import Collection
from typing import Any, NamedTuple
from uuid import UUID

from provider.clients.models import Client
from provider.grants.models import Grant
from provider.oauth.client_proof.encryption import ID_TOKEN, encrypted
from provider.oauth.token.requested_claims import RequestedClaims
from provider.oauth.token.terms import JKT, TokenTerms
from provider.protocol.scopes import OFFLINE_ACCESS, OPENID
from provider.sessions.models import ClientSession, Session
from provider.tokens import access, id_token, refresh
from provider.tokens.id_token import SignIn
from provider.tokens.models import AccessToken


class HangsOn(NamedTuple):
    """The rows that decide whether the tokens are valid."""

    client: Client
    grant: Grant
    client_session: ClientSession
    session: Session


def issue_tokens(
    above: HangsOn,
    terms: TokenTerms,
    *,
    scope: str,
    family_id: UUID,
    sign_in: SignIn,
    authorized: Collection[str] | None = None,
    nonce: str | None = None,
    claims: RequestedClaims | None = None,
) -> dict[str, Any]:
    """Issue the first tokens of a family and return the response that carries them.

    Later requests choose among the `authorized` resources; `claims` are sent beyond the scope.
    """
    client = above.client
    offline = is_offline(above.grant, scope)
    handle, token = access.issue_for_grant(
        *above,
        scope=scope,
        family_id=family_id,
        offline=offline,
        resources=terms.resources,
        cnf=terms.cnf,
        sign_in=sign_in,
        claims=claims.in_userinfo if claims else None,
    )
    refresh_token = signed = None
    if client.metadata_.may_use_grant_type("refresh_token"):
        refresh_token = refresh.issue(
            *above,
            scope=scope,
            family_id=family_id,
            offline=offline,
            sign_in=sign_in,
            resources=authorized,
            cnf=terms.cnf_of_refresh_token(client),
            claims=(claims.stored or None) if claims else None,
        )
    if OPENID in scope.split():
        about_person = claims.in_id_token if claims else {}
        signed = _id_token(above, sign_in, access_token=handle, nonce=nonce, about_person=about_person)
    return token_response(handle, token, refresh_token=refresh_token, id_token=signed)


def _id_token(above: HangsOn, sign_in: SignIn, **details: Any) -> str:
    sid = above.client_session.sid
    signed = id_token.issue(above.client, above.grant, sid=sid, sign_in=sign_in, **details)
    return encrypted(signed, above.client, ID_TOKEN)


def is_offline(grant: Grant, scope: str) -> bool:
    """Return whether tokens for this scope outlive the session (core §11): it was asked for and allowed.

    A device's grant is never an offline one: its session lasts as long as the grant instead.
    """
    return grant.offline and OFFLINE_ACCESS in scope.split()


def token_response(
    handle: str, token: AccessToken, *, refresh_token: str | None = None, id_token: str | None = None
) -> dict[str, Any]:
    """Return the members of the response; those without a value are left out."""
    members = {
        "access_token": handle,
        "token_type": type_of(token),
        "expires_in": int((token.expires_at - token.created_at).total_seconds()),
        "scope": token.scope or None,
        "refresh_token": refresh_token,
        "id_token": id_token,
    }
    return {name: value for name, value in members.items() if value is not None}


def type_of(token: AccessToken) -> str:
    """Return how a token is to be shown (rfc9449 §5, rfc8705 §3)."""
    return "DPoP" if JKT in (token.cnf or {}) else "Bearer"

"""Turn a granted Authentication Request into a code and, where a legacy client asks for them, tokens."""

from dataclasses import replace
from uuid import UUID

from provider.accounts.claims import claims_of
from provider.accounts.models import Account
from provider.clients.models import Client
from provider.grants import lifecycle as grants
from provider.grants.consent import Consent
from provider.grants.models import Grant
from provider.infrastructure.database import db, write_gathered
from provider.infrastructure.opaque_tokens import new_id
from provider.logout.end_client_session import end_client_session
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.oauth.authorization.decision import Proceed
from provider.oauth.authorization.request import AuthorizationRequest
from provider.oauth.client_proof import encryption
from provider.oauth.client_proof.encryption import encrypted
from provider.oauth.token.requested_claims import scope_claims, to_store
from provider.oauth.token.response import HangsOn, is_offline, token_response
from provider.oauth.token.terms import targets_for
from provider.protocol.response_type import CODE, ID_TOKEN, TOKEN
from provider.protocol.scopes import names_for, pick
from provider.sessions import lifecycle as sessions
from provider.sessions.lifecycle import join, new_sid
from provider.sessions.models import ClientSession
from provider.sessions.queries import FoundSession
from provider.tokens import access, codes, id_token


class DecisionOutdated(Exception):
    """The session ended, consent was taken back or the client was changed since this was decided."""


def issue_response(
    asked: AuthorizationRequest, proceed: Proceed, client: Client, found: FoundSession
) -> dict[str, str]:
    """Give the client its client session and a grant, and return the code and tokens issued on them.

    Nothing is written before the session is locked, normally at the commit, so that no logout overlooks this
    client (RACE-06). Raises DecisionOutdated, now or at the commit.
    """
    sessions.touch_as_decided(found.session, client, otherwise=DecisionOutdated())
    found = _without_revoked(client, found)
    grant = _grant(asked, proceed, client, found)
    above = HangsOn(client, grant, _client_session(client, found, grant), found.session)
    said: dict[str, str] = {}
    # A second use of the code finds by the family what was issued beside it (rfc6749 §4.1.2).
    family_id = new_id()
    if CODE in asked.response_type:
        said["code"] = _issue_code(asked, proceed, above, family_id)
    if TOKEN in asked.response_type:
        said |= _issue_access_token(asked, proceed, above, family_id)
    if ID_TOKEN in asked.response_type:
        said["id_token"] = _issue_id_token(asked, proceed, above, found.account, said)
    return said


def _issue_code(asked: AuthorizationRequest, proceed: Proceed, above: HangsOn, code_id: UUID) -> str:
    claims = _allowed_claims(asked, proceed)
    return codes.issue(
        *above,
        code_id=code_id,
        redirect_uri=asked.redirect_uri,
        scope=" ".join(proceed.scopes),
        nonce=asked.nonce,
        code_challenge=asked.code_challenge,
        about_tokens=asked.about_tokens | ({"claims": claims} if claims else {}),
    )


def _issue_access_token(
    asked: AuthorizationRequest, proceed: Proceed, above: HangsOn, family_id: UUID
) -> dict[str, str]:
    scope = " ".join(proceed.scopes)
    handle, token = access.issue_for_grant(
        *above,
        scope=scope,
        family_id=family_id,
        offline=is_offline(above.grant, scope),
        resources=targets_for(above.client, asked.resources, scope=scope),
        claims=_allowed_claims(asked, proceed).get("userinfo"),
    )
    return {name: str(value) for name, value in token_response(handle, token).items()}


def _issue_id_token(
    asked: AuthorizationRequest, proceed: Proceed, above: HangsOn, account: Account, said: dict[str, str]
) -> str:
    session = above.session
    names = set(_allowed_claims(asked, proceed).get("id_token", ()))
    # core §5.4: without an access token, the claims of the scopes are in the ID Token.
    if asked.response_type == {ID_TOKEN}:
        names |= names_for(proceed.scopes)
    # core §3.3.3.6: along with a code there may be fewer claims 'for privacy reasons'; the token endpoint
    # adds them.
    elif CODE not in asked.response_type:
        names |= scope_claims(above.client, proceed.scopes)
    signed = id_token.issue(
        above.client,
        above.grant,
        sid=above.client_session.sid,
        sign_in=id_token.SignIn(auth_time=session.authenticated_at, amr=session.amr, acr=session.acr),
        access_token=said.get("access_token"),
        code=said.get("code"),
        nonce=asked.nonce,
        about_person=pick(names, claims_of(account)),
    )
    return encrypted(signed, above.client, encryption.ID_TOKEN)


def _allowed_claims(asked: AuthorizationRequest, proceed: Proceed) -> dict[str, list[str]]:
    """Return the allowed claims that were requested by name, grouped by where they are sent."""
    if not asked.claims.names:
        return {}
    return to_store(asked.claims, names_for(proceed.scopes) | set(proceed.claims))


def _without_revoked(client: Client, found: FoundSession) -> FoundSession:
    """End a client session that a client's bulk logout has revoked, so that the next one has its own sid.

    The bulk logout may not have reached this client session yet; when it does, it must not end the new one.
    """
    client_session = found.client_session
    if client_session is None or found.grant is not None:
        return found
    # The gathered writes lock the session, which must be locked before the client session.
    write_gathered()
    given = db.session.get_one(Grant, client_session.grant_id)
    if given.client_epoch >= client.epoch:
        return found
    cause = Cause(reason=LogoutReason.ADMIN, initiator="admin")
    end_client_session(client_session, cause, revoke_offline=True)
    return replace(found, client_session=None)


def _grant(asked: AuthorizationRequest, proceed: Proceed, client: Client, found: FoundSession) -> Grant:
    """Return the client session's valid grant, widened by what is allowed now, or a new one."""
    scope = " ".join(proceed.scopes)
    consent = None
    if proceed.consented:
        consent = Consent.to(proceed.scopes, resources=asked.servers, claims=proceed.claims)
    if found.grant is not None:
        return grants.widen(found.grant, client, scope=scope, offline=proceed.offline, consent=consent)
    return grants.create(
        found.account,
        client,
        scope=scope,
        sid=found.client_session.sid if found.client_session else new_sid(),
        provider_epoch=found.provider_epoch,
        offline=proceed.offline,
        consent=consent,
    )


def _client_session(client: Client, found: FoundSession, grant: Grant) -> ClientSession:
    if found.client_session is None:
        return join(found.session, client, grant)
    # The client session was read before the session was locked, and may have ended since.
    sessions.use_again(found.client_session, grant, otherwise=DecisionOutdated())
    return found.client_session

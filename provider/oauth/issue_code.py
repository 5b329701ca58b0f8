"""How a granted Authentication Request becomes a code."""

from dataclasses import replace

from provider.clients.models import Client
from provider.grants import lifecycle as grants
from provider.grants.models import Grant
from provider.infrastructure import clock
from provider.infrastructure.database import db
from provider.logout.end_client_session import end_share
from provider.logout.ending import Cause
from provider.logout.models import LogoutReason
from provider.oauth.authorization_request import AuthorizationRequest
from provider.oauth.decision import Proceed
from provider.sessions import lifecycle as sessions
from provider.sessions.join import join, new_sid
from provider.sessions.models import ClientSession
from provider.sessions.queries import FoundSession
from provider.tokens import codes


class SessionEnded(Exception):
    """The session ended while the request was on its way; there is nothing to issue a code for."""


def issue_code(asked: AuthorizationRequest, proceed: Proceed, client: Client, found: FoundSession) -> str:
    """Give the client its share of the session and a grant, and issue a code on them.

    Everything happens behind the session's lock, so that no ending overlooks this client (RACE-06).
    """
    if not sessions.touch(found.session):
        raise SessionEnded
    found = _without_dead_share(client, found)
    grant = _grant(proceed, client, found)
    client_session = _client_session(client, found, grant)
    return codes.issue(
        client,
        grant,
        client_session,
        found.session,
        redirect_uri=asked.redirect_uri,
        scope=" ".join(proceed.scopes),
        nonce=asked.nonce,
        code_challenge=asked.code_challenge,
        about_tokens=asked.about_tokens,
    )


def _without_dead_share(client: Client, found: FoundSession) -> FoundSession:
    """End the share that a client's mass ending has made dead, so that what follows has a sid of its own.

    The ending's walk may not have come here yet; when it does, it must not end what begins now.
    """
    share = found.client_session
    if share is None or found.grant is not None:
        return found
    given = db.session.get_one(Grant, share.grant_id)
    if given.client_epoch >= client.epoch:
        return found
    cause = Cause(reason=LogoutReason.ADMIN, initiator="admin")
    end_share(share, cause, revoke_offline=True)
    return replace(found, client_session=None)


def _grant(proceed: Proceed, client: Client, found: FoundSession) -> Grant:
    """Return the share's living grant, widened by what is allowed now, or a new one."""
    scope = " ".join(proceed.scopes)
    if found.grant is not None:
        grants.widen(found.grant, client, scope=scope, offline=proceed.offline, consented=proceed.consented)
        return found.grant
    grant = grants.create(
        found.account,
        client,
        scope=scope,
        sid=found.client_session.sid if found.client_session else new_sid(),
        provider_epoch=found.provider_epoch,
        offline=proceed.offline,
        consented=proceed.consented,
    )
    # What refers to the grant is added below, and rows are not ordered by themselves.
    db.session.flush()
    return grant


def _client_session(client: Client, found: FoundSession, grant: Grant) -> ClientSession:
    client_session = found.client_session
    if client_session is None:
        client_session = join(found.session, client, grant)
    else:
        client_session.grant_id = grant.id
        client_session.last_used_at = clock.now()
    db.session.flush()
    return client_session

"""The receipt of a logout: what ended and which app confirmed it, signed with a published key (DEC-22).

It is made anew for each request and not stored; its content is the state of the logout's rows at that
instant.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from provider.audit import queries as audit
from provider.delivery.judge import Outcome
from provider.infrastructure import clock, current
from provider.infrastructure.opaque_tokens import new_handle
from provider.inspection.logout_tree import Branch, Tree, tree_of
from provider.inspection.receipt_form import (
    CLAIM,
    VERSION,
    App,
    AuditPlace,
    Content,
    Ended,
    EndedClientSession,
    RevokedGrant,
    Survived,
    SurvivingGrant,
    SurvivingSession,
)
from provider.inspection.why_not_notified import Verdict, verdict_of
from provider.keys import jwt
from provider.logout.detail import LogoutDetail, Notification, find_detail
from provider.logout.models import Logout, LogoutScope

# Its signatures are small, and any JOSE library verifies them.
ALG = "ES256"
_SUCCESS = (Outcome.ACCEPTED, Outcome.ACCEPTED_ODDLY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A signed receipt and its file name."""

    logout_id: UUID
    jws: str = field(repr=False)

    @property
    def file_name(self) -> str:
        """A name that identifies the logout."""
        return f"logout-{self.logout_id}.jwt"


def make(logout_id: UUID, *, of_account: UUID | None = None) -> Receipt | None:
    """Return the receipt of a logout, or None; with `of_account`, only for a logout of that person."""
    found = find_detail(logout_id)
    if found is None or of_account not in (None, found.account.id):
        return None
    content = content_of(found)
    # rfc8725 §3.12: without `sub`, `aud` and `exp`, no verifier accepts it as an ID Token, Logout Token or
    # access token, even one that ignores the type.
    claims = {
        "iss": current.settings().issuer,
        "iat": int(content.as_of.timestamp()),
        "jti": new_handle(),
        CLAIM: msgspec.to_builtins(content),
    }
    return Receipt(logout_id=logout_id, jws=jwt.sign(claims, typ=jwt.RECEIPT_TYP, alg=ALG))


def content_of(found: LogoutDetail) -> Content:
    """Return the content of a logout's receipt, as of now."""
    logout, tree = found.logout, tree_of(found)
    return Content(
        version=VERSION,
        as_of=clock.now(),
        is_final=tree.is_finished,
        logout_id=logout.id,
        at=logout.at,
        account_id=logout.account_id,
        actor=logout.initiator,
        client_id=logout.initiator_client_id,
        verb=logout.scope,
        reason=logout.reason,
        bulk_logout_id=logout.bulk_logout_id,
        audit=_place_of(logout),
        ended=_ended(found),
        survived=_survived(found),
        apps=list(_apps(logout, tree)),
    )


def _place_of(logout: Logout) -> AuditPlace | None:
    entry = audit.find_of_logout(logout.account_id, logout.id, logout.at)
    return None if entry is None else AuditPlace(id=entry.id, seq=entry.seq, chain=entry.chain)


def _ended(found: LogoutDetail) -> Ended:
    return Ended(
        sessions=[one.id for one in found.sessions if one.logout_id == found.logout.id],
        client_sessions=[
            EndedClientSession(id=one.id, client_id=client.client_id, session_id=one.session_id, sid=one.sid)
            for one, client in found.client_sessions
        ],
        grants=[
            RevokedGrant(id=grant.id, client_id=client.client_id, offline=grant.offline)
            for grant, client in found.revoked
        ],
    )


def _survived(found: LogoutDetail) -> Survived:
    logout = found.logout
    sessions = [
        SurvivingSession(id=one.id, why="only_apps_were_signed_out")
        for one in found.sessions
        if one.logout_id != logout.id
    ]
    if logout.scope == LogoutScope.OTHERS and logout.asked_in_session_id:
        sessions.append(SurvivingSession(id=logout.asked_in_session_id, why="browser_in_use"))
    grants = [
        SurvivingGrant(
            id=grant.id,
            client_id=client.client_id,
            why="offline_access" if grant.offline else "in_use_elsewhere",
            expires_at=grant.expires_at,
        )
        for grant, client in found.surviving
    ]
    return Survived(sessions=sessions, grants=grants)


def _apps(logout: Logout, tree: Tree) -> Iterator[App]:
    for branch in (*(app for one in tree.sessions for app in one.apps), *tree.alone):
        yield _app(logout, branch)


def _app(logout: Logout, branch: Branch) -> App:
    notification, joined = branch.notification, branch.client_session
    state = verdict_of(branch.client, logout, notification.delivery if notification else None)
    return App(
        client_id=branch.client.client_id,
        state=state,
        session_id=joined.session_id if joined else None,
        sid=joined.sid if joined else None,
        grant_id=branch.grant.id if branch.grant else None,
        **(_of_delivery(notification, state) if notification else {}),
    )


def _of_delivery(notification: Notification, state: Verdict) -> dict[str, Any]:
    delivery = notification.delivery
    accepted = next((one for one in reversed(notification.attempts) if one.outcome in _SUCCESS), None)
    is_accepted = state is Verdict.ACCEPTED
    return {
        "delivery_id": delivery.id,
        "accepted_at": delivery.finished_at if is_accepted else None,
        "jti": accepted.jti if accepted and is_accepted else None,
        "attempts": delivery.attempt_count,
        "last_outcome": delivery.last_outcome,
        "next_attempt_at": delivery.next_attempt_at if delivery.finished_at is None else None,
    }

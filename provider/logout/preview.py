"""Preview a logout: the same client sessions that the logout itself will read, without locking them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select, true

from provider.clients.models import Client
from provider.clients.own import is_own
from provider.grants.models import Grant
from provider.holdings.queries import HeldSession, count_held_sessions, list_held_sessions
from provider.infrastructure import clock
from provider.infrastructure.database import db
from provider.logout.participants import (
    Participant,
    list_in_other_sessions,
    list_of_account,
    list_of_session,
)
from provider.logout.signed_tokens import SignedTokens, by_name, held_until, list_elsewhere
from provider.sessions.models import ClientSession, Session
from provider.tokens.conditions import outlives_session
from provider.tokens.models import RefreshToken

# A person with more sessions is shown the newest ones and the total.
MOST_SESSIONS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedApp:
    """One app's part of a logout that has not happened."""

    client: Client
    # Whether the app will be sent a Logout Token.
    will_be_notified: bool
    # When its grant expires unless a logout ends it, and whether the grant outlives a session.
    until: datetime
    offline: bool
    # Whether that grant survives this logout.
    survives: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The sessions, client sessions and grants that would end."""

    apps: tuple[PreviewedApp, ...]
    sessions: tuple[HeldSession, ...] = ()
    session_count: int = 0
    grant_count: int = 0
    refresh_token_count: int = 0
    signed_tokens: tuple[SignedTokens, ...] = ()

    @property
    def apps_to_notify(self) -> tuple[PreviewedApp, ...]:
        """The apps that will be notified."""
        return tuple(app for app in self.apps if app.will_be_notified)


def preview_everywhere(account_id: UUID) -> Preview:
    """Return what signing a person out everywhere would end; the number of statements is constant."""
    participants = list_of_account(account_id, lock=False)
    refresh_token_count, signed_tokens = _tokens(account_id)
    return Preview(
        apps=_apps(participants, survivors=[]),
        sessions=tuple(list_held_sessions(account_id, limit=MOST_SESSIONS)),
        session_count=count_held_sessions(account_id),
        grant_count=_count_grants(participants),
        refresh_token_count=refresh_token_count,
        signed_tokens=signed_tokens,
    )


def preview_others(keep: Session) -> Preview:
    """Return what signing out of every session of a person but this one would end."""
    participants = list_in_other_sessions(keep.account_id, keep, lock=False)
    survivors = [participant for participant in participants if participant.survives_browser]
    # One more than is shown, because the kept session may be among them.
    held = list_held_sessions(keep.account_id, limit=MOST_SESSIONS + 1)
    others = tuple(one for one in held if one.session.id != keep.id)
    return Preview(
        apps=_apps(participants, survivors=survivors),
        sessions=others[:MOST_SESSIONS],
        session_count=max(count_held_sessions(keep.account_id) - 1, 0),
        grant_count=_count_grants(
            [participant for participant in participants if participant not in survivors]
        ),
        signed_tokens=list_elsewhere(keep),
    )


def preview_session(session_id: UUID) -> Preview:
    """Return what signing out of one browser would end."""
    participants = list_of_session(session_id, lock=False)
    survivors = [participant for participant in participants if participant.survives_browser]
    return Preview(
        apps=_apps(participants, survivors=survivors),
        session_count=1,
        grant_count=_count_grants(
            [participant for participant in participants if participant not in survivors]
        ),
    )


def _apps(
    participants: Sequence[Participant], *, survivors: Sequence[Participant]
) -> tuple[PreviewedApp, ...]:
    """Return the apps, by name; an app with several client sessions is listed once, with the latest end."""
    of_client: dict[UUID, list[Participant]] = {}
    for participant in participants:
        if is_own(participant.client):
            continue
        of_client.setdefault(participant.client.id, []).append(participant)
    apps = [
        PreviewedApp(
            client=own[0].client,
            will_be_notified=own[0].has_address,
            until=max(participant.grant.expires_at for participant in own),
            offline=any(participant.grant.offline for participant in own),
            survives=any(participant in survivors for participant in own),
        )
        for own in of_client.values()
    ]
    return tuple(sorted(apps, key=lambda app: app.client.display_name.casefold()))


def _count_grants(participants: Sequence[Participant]) -> int:
    return len({participant.grant.id for participant in participants if participant.has_valid_grant})


def _tokens(account_id: UUID) -> tuple[int, tuple[SignedTokens, ...]]:
    """Count the usable refresh tokens, and list the apps with signed access tokens, in one statement."""
    now = clock.now()
    usable = (
        select(func.count())
        .select_from(RefreshToken)
        .join(Grant, Grant.id == RefreshToken.grant_id)
        .join(ClientSession, ClientSession.id == RefreshToken.client_session_id)
        .where(Grant.account_id == account_id, Grant.revoked_at.is_(None), Grant.expires_at > now)
        .where(or_(outlives_session(RefreshToken), ClientSession.ended_at.is_(None)))
        .where(RefreshToken.rotated_at.is_(None), RefreshToken.revoked_at.is_(None))
        .where(RefreshToken.expires_at > now)
        .subquery()
    )
    signed = held_until(account_id, now).subquery()
    both = (
        select(*usable.c, Client, signed.c.until)
        .select_from(usable)
        .outerjoin(signed, true())
        .outerjoin(Client, Client.id == signed.c.holder_id)
    )
    rows = db.session.execute(both).all()
    return rows[0][0], by_name((row[1], row[2]) for row in rows if row[1])

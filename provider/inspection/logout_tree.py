"""A logout as a tree: its sessions, the apps in each, and for each app the notification with its attempts."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from provider.clients.models import Client
from provider.clients.own import is_own
from provider.grants.models import Grant
from provider.logout import notice
from provider.logout.detail import LogoutDetail, Notification
from provider.sessions.models import ClientSession, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One app in a session, or only with a grant: what ended there and how it was notified."""

    client: Client
    client_session: ClientSession | None = None
    grant: Grant | None = None
    survives: bool = False
    notification: Notification | None = None
    # A notification with only a `sub` covers all sessions of the person at the app.
    is_for_all_sessions: bool = False

    @property
    def is_own(self) -> bool:
        """Whether the app is part of the provider and needs no notification."""
        return is_own(self.client)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionBranch:
    """One session of a logout with its apps."""

    session: Session
    ended: bool
    apps: tuple[Branch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The sessions of a logout, and the affected apps without a session."""

    sessions: tuple[SessionBranch, ...]
    alone: tuple[Branch, ...]
    is_finished: bool


def tree_of(found: LogoutDetail) -> Tree:
    """Return a logout as a tree, with each notification at the client session or grant it is about."""
    by_sid, by_client = _notifications(found)
    grants = {grant.id: grant for grant, _ in (*found.revoked, *found.surviving)}
    surviving = {grant.id for grant, _ in found.surviving}
    branches: dict[UUID, list[Branch]] = {}
    for one, client in found.client_sessions:
        own = by_sid.get((client.id, one.sid))
        branches.setdefault(one.session_id, []).append(
            Branch(
                client=client,
                client_session=one,
                grant=grants.get(one.grant_id),
                survives=one.grant_id in surviving,
                notification=own or by_client.get(client.id),
                is_for_all_sessions=own is None,
            )
        )
    sessions = tuple(
        SessionBranch(
            session=one,
            ended=one.logout_id == found.logout.id,
            apps=tuple(sorted(branches.get(one.id, ()), key=lambda branch: branch.client.client_id)),
        )
        for one in found.sessions
    )
    pending = any(n.delivery.finished_at is None for app in found.apps for n in app.notifications)
    return Tree(sessions=sessions, alone=tuple(_alone(found)), is_finished=not pending)


def _notifications(
    found: LogoutDetail,
) -> tuple[dict[tuple[UUID, str], Notification], dict[UUID, Notification]]:
    """Return the notifications by client and sid, and by client those without a sid."""
    by_sid, by_client = {}, {}
    for app in found.apps:
        for one in app.notifications:
            of_logout = notice.of(one.delivery)
            if of_logout is not None and of_logout.sid is not None:
                by_sid[(app.client.id, of_logout.sid)] = one
            else:
                by_client[app.client.id] = one
    return by_sid, by_client


def _alone(found: LogoutDetail) -> Iterator[Branch]:
    """Yield the apps without a client session: offline grants, and sessions missing from the database."""
    by_sid, by_client = _notifications(found)
    in_session = {one.grant_id for one, _ in found.client_sessions}
    shown = {(client.id, one.sid) for one, client in found.client_sessions}
    for grant, client in found.revoked:
        if grant.id not in in_session:
            shown.add((client.id, grant.sid))
            own = by_sid.get((client.id, grant.sid)) or by_client.get(client.id)
            yield Branch(client=client, grant=grant, notification=own)
    clients = {app.client.id: app.client for app in found.apps}
    for (client_pk, sid), one in by_sid.items():
        if (client_pk, sid) not in shown:
            yield Branch(client=clients[client_pk], notification=one)

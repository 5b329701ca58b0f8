"""Grants: what people have allowed apps, offline grants among them, and revoking one."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from provider.accounts.models import Account
from provider.admin_api.inputs import Page
from provider.admin_api.logout_outcomes import Ended, ended_of
from provider.admin_api.operation import Call, Operation, Response
from provider.administration import grants as acts
from provider.clients import queries as clients
from provider.clients.models import Client
from provider.grants import queries
from provider.grants.models import Grant
from provider.infrastructure import clock
from provider.protocol.permissions import Permission


class ListGrants(Page, frozen=True, kw_only=True):
    """A filter of grants."""

    person_id: UUID | None = None
    client_id: Annotated[str, Meta(max_length=255)] | None = None
    offline: bool | None = None
    with_ended: bool = False


class GrantView(msgspec.Struct, frozen=True, kw_only=True):
    """A person's permission for an app."""

    id: UUID
    person_id: UUID
    username: str
    client_id: str
    scope: str
    claims: list[str]
    resources: list[str]
    offline: bool
    consented: bool
    state: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    logout_id: UUID | None


class GrantPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of grants, newest first."""

    items: list[GrantView]
    next: UUID | None


def list_grants(call: Call) -> Response:
    """Answer with a page of grants."""
    asked: ListGrants = call.query

    def look() -> GrantPage:
        client = clients.get_by_client_id(asked.client_id) if asked.client_id else None
        wanted = queries.Wanted(
            account_id=asked.person_id, client_pk=client.id if client else None, offline=asked.offline
        )
        found = queries.list_grants(
            wanted, living=not asked.with_ended, after=asked.after, limit=asked.limit + 1
        )
        shown = found[: asked.limit]
        more = shown[-1][0].id if len(found) > asked.limit else None
        return GrantPage(items=[_view(*one) for one in shown], next=more)

    return Response(body=call.read(look))


def revoke_grant(call: Call, grant_id: UUID) -> Response:
    """Revoke a grant with everything issued on it, and notify its app."""

    def act() -> Response:
        acts.check_is_unrevoked(grant_id)
        outcome = acts.revoke(grant_id)
        if outcome is None:
            raise acts.RevokedAlready(f"the grant {grant_id} is already revoked")
        return Response(body=ended_of(outcome))

    return call.transact(act)


def _view(one: Grant, account: Account, client: Client) -> GrantView:
    expired = "expired" if one.expires_at <= clock.now() else "unrevoked"
    return GrantView(
        id=one.id,
        person_id=one.account_id,
        username=account.username,
        client_id=client.client_id,
        scope=one.scope,
        claims=list(one.claims or ()),
        resources=list(one.resources),
        offline=one.offline,
        consented=one.consented,
        state="revoked" if one.revoked_at else expired,
        created_at=one.created_at,
        expires_at=one.expires_at,
        revoked_at=one.revoked_at,
        logout_id=one.logout_id,
    )


OPERATIONS = (
    Operation(
        method="GET",
        rule="/grants",
        name="list_grants",
        summary="List grants, newest first.",
        permission=Permission.READ,
        view=list_grants,
        query=ListGrants,
        response=GrantPage,
    ),
    Operation(
        method="POST",
        rule="/grants/<uuid:grant_id>/revoke",
        name="revoke_grant",
        summary="Revoke a grant with everything issued on it, as if the person had disconnected the app.",
        permission=Permission.END_SESSIONS,
        view=revoke_grant,
        response=Ended,
    ),
)

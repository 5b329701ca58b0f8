"""Logouts: list past ones, and show one in full."""

from uuid import UUID

from provider.accounts.models import Account
from provider.admin_api.deliveries import attempt_view, views_of
from provider.admin_api.logout_models import (
    EndedSession,
    ListLogouts,
    LogoutPage,
    LogoutTree,
    LogoutView,
    NotificationView,
    NotifiedAppView,
    ReceiptView,
    TouchedGrant,
)
from provider.admin_api.operation import Call, Operation, Response
from provider.clients import queries as clients
from provider.clients.models import Client
from provider.grants.models import Grant
from provider.inspection import receipt as receipts
from provider.inspection.receipt_form import MEDIA_TYPE
from provider.logout.detail import (
    Filter,
    LogoutDetail,
    count_notifications,
    find_detail,
    find_logout,
    list_logouts,
)
from provider.logout.models import Logout
from provider.protocol.errors import NotFound
from provider.protocol.permissions import Permission
from provider.protocol.problems import InvalidInput


def list_(call: Call) -> Response:
    """Answer with a page of logouts."""
    asked: ListLogouts = call.query

    def look() -> LogoutPage:
        client = clients.get_by_client_id(asked.client_id) if asked.client_id else None
        wanted = Filter(
            account_id=asked.person_id,
            client_pk=client.id if client else None,
            bulk_logout_id=asked.bulk_logout_id,
            actor_name=asked.by,
            reason=asked.reason,
            since=asked.since,
            until=asked.until,
        )
        before = find_logout(asked.after) if asked.after else None
        if asked.after and before is None:
            raise InvalidInput("after must be the id of a logout", [("/after", "is unknown")])
        found = list_logouts(wanted, asked.limit + 1, before=before)
        shown = found[: asked.limit]
        states = count_notifications([logout.id for logout, _ in shown])
        items = [_view(logout, account, states[logout.id]) for logout, account in shown]
        return LogoutPage(items=items, next=shown[-1][0].id if len(found) > asked.limit else None)

    return Response(body=call.read(look))


def show(call: Call, logout_id: UUID) -> Response:
    """Answer with one logout in full."""

    def look() -> LogoutTree:
        found = find_detail(logout_id)
        if found is None:
            raise NotFound("there is no such logout")
        return _tree(found)

    return Response(body=call.read(look))


def receipt(call: Call, logout_id: UUID) -> Response:
    """Answer with the signed receipt of a logout."""
    made = call.read(lambda: receipts.make(logout_id))
    if made is None:
        raise NotFound("there is no such logout")
    return Response(body=ReceiptView(logout_id=logout_id, media_type=MEDIA_TYPE, jws=made.jws))


def _view(logout: Logout, account: Account, states: dict[str, int]) -> LogoutView:
    same = ("id", "at", "reason", "scope", "initiator", "initiator_client_id", "actor_name", "actor_origin")
    counts = (
        "sessions_ended",
        "client_sessions_ended",
        "grants_revoked",
        "grants_surviving",
        "notifications",
    )
    named = {name: getattr(logout, name) for name in (*same, *counts, "bulk_logout_id", "correlation_id")}
    return LogoutView(
        person_id=logout.account_id, username=account.username, notification_states=states, **named
    )


def _tree(found: LogoutDetail) -> LogoutTree:
    logout = found.logout
    return LogoutTree(
        logout=_view(logout, found.account, count_notifications([logout.id])[logout.id]),
        sessions=[
            EndedSession(
                id=one.id,
                ended=one.logout_id == logout.id,
                device=one.device,
                ip=one.ip,
                created_at=one.created_at,
            )
            for one in found.sessions
        ],
        revoked_grants=[_grant(*one) for one in found.revoked],
        surviving_grants=[_grant(*one) for one in found.surviving],
        apps=[
            NotifiedAppView(
                client_id=app.client.client_id,
                state=app.state,
                notifications=[
                    NotificationView(
                        delivery=views_of([one.delivery])[0],
                        attempts=[attempt_view(attempt) for attempt in one.attempts],
                    )
                    for one in app.notifications
                ],
            )
            for app in found.apps
        ],
    )


def _grant(grant: Grant, client: Client) -> TouchedGrant:
    return TouchedGrant(
        id=grant.id,
        client_id=client.client_id,
        scope=grant.scope,
        offline=grant.offline,
        expires_at=grant.expires_at,
    )


OPERATIONS = (
    Operation(
        method="GET",
        rule="/logouts",
        name="list_logouts",
        summary="List logouts, newest first, with the progress of their notifications.",
        permission=Permission.READ,
        view=list_,
        query=ListLogouts,
        response=LogoutPage,
    ),
    Operation(
        method="GET",
        rule="/logouts/<uuid:logout_id>",
        name="show_logout",
        summary="Show a logout in full: what ended, what survived, and each app with its attempts.",
        permission=Permission.READ,
        view=show,
        response=LogoutTree,
    ),
    Operation(
        method="GET",
        rule="/logouts/<uuid:logout_id>/receipt",
        name="make_logout_receipt",
        summary="Create a signed receipt: what ended, what survived, and when each app confirmed it.",
        description="A compact JWS by a key of the JWKS. It says how things stand now, and names people by "
        "identifiers alone. `curfew receipt verify` reads it.",
        permission=Permission.READ,
        view=receipt,
        response=ReceiptView,
    ),
)

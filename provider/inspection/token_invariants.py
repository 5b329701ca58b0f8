"""Tokens that must not be accepted, judged by the rows of requests and of session ends.

Whether a token is accepted comes from `provider.tokens.conditions`, because that is what is being examined.
Whether it should be is derived independently from other rows: the requested scope, and what has ended.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, and_, func, not_, or_, select

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.grants.models import Grant
from provider.infrastructure.provider_state import IS_THE_ROW, ProviderState
from provider.sessions.models import ClientSession, Session
from provider.tokens.conditions import token_of_grant_is_valid
from provider.tokens.device_models import DeviceCode
from provider.tokens.models import AccessToken, AuthorizationCode, RefreshToken


def access_token_of_what_has_ended(now: datetime) -> Select[UUID]:
    """Select the access tokens that are accepted but must not be."""
    return _accepted(AccessToken, now).where(_must_be_refused(AccessToken, now))


def refresh_token_of_what_has_ended(now: datetime) -> Select[UUID]:
    """Select the refresh tokens that are accepted but must not be."""
    return _accepted(RefreshToken, now).where(_must_be_refused(RefreshToken, now))


def _accepted(token: type[AccessToken | RefreshToken], now: datetime) -> Select[UUID]:
    return (
        select(token.id)
        .join(Client, Client.id == token.client_id)
        .join(Grant, Grant.id == token.grant_id)
        .join(Account, Account.id == Grant.account_id)
        .join(ClientSession, ClientSession.id == token.client_session_id)
        .join(Session, Session.id == ClientSession.session_id)
        .join(ProviderState, IS_THE_ROW)
        .where(token_of_grant_is_valid(token, now))
    )


def _must_be_refused(token: type[AccessToken | RefreshToken], now: datetime) -> ColumnElement[bool]:
    """The condition that the grant has ended or, for a token not requested as offline, its session.

    Each end is read from two records: the instant in the row, and the Logout that the row names.
    """
    grant_ended = or_(
        Grant.logout_id.is_not(None),
        Grant.revoked_at.is_not(None),
        Account.disabled_at.is_not(None),
        Account.deleted_at.is_not(None),
    )
    session_ended = or_(
        ClientSession.ended_at.is_not(None),
        ClientSession.logout_id.is_not(None),
        Session.ended_at.is_not(None),
        Session.logout_id.is_not(None),
        Session.ends_at <= now,
    )
    offline_was_asked = and_(Grant.offline, _with_spaces(_asked_scope(token)).contains(" offline_access "))
    return or_(grant_ended, and_(not_(offline_was_asked), session_ended))


def _asked_scope(token: type[AccessToken | RefreshToken]) -> ColumnElement[str]:
    """The requested scope of a token: that of the code that its family is named after, while that is kept.

    After that, the scope of the family's refresh token, because an access token may have a narrower one;
    last, the token's own.
    """
    of_code = select(AuthorizationCode.scope).where(AuthorizationCode.id == token.family_id)
    of_device = select(DeviceCode.scope).where(DeviceCode.id == token.family_id)
    first = RefreshToken.__table__.alias("first")
    of_family = select(first.c.scope).where(first.c.family_id == token.family_id).limit(1)
    sources = [one.correlate(token).scalar_subquery() for one in (of_code, of_device, of_family)]
    return func.coalesce(*sources, token.scope, type_=String())


def _with_spaces(scope: ColumnElement[str]) -> ColumnElement[str]:
    return " " + scope + " "

"""Whether a code or token is valid: one query over every level of revocation (design §4).

The person, the client, the provider, the grant, the session, the client session and the token itself are
read in one statement, so that no two of them can be seen at different instants.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true
from sqlalchemy.orm import aliased

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.grants.models import Grant
from provider.grants.queries import grant_is_valid
from provider.infrastructure import clock
from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import digest_of
from provider.infrastructure.provider_state import ProviderState, is_valid_for_all
from provider.protocol.scopes import OFFLINE_ACCESS
from provider.sessions.models import ClientSession, Session
from provider.sessions.queries import session_is_live
from provider.tokens.models import AccessToken, AuthorizationCode, RefreshToken

AnySelect = Select[*tuple[Any, ...]]
_Actor = aliased(Client, name="actor")


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAccessToken:
    """A valid access token with the rows that it hangs on; a service token has neither grant nor person."""

    token: AccessToken
    client: Client
    grant: Grant | None
    account: Account | None
    client_session: ClientSession | None
    session: Session | None
    # The service that holds it instead of the client, by token exchange.
    actor: Client | None = None

    @property
    def holder(self) -> Client:
        """The client that presents this token: the one the person allowed, or one acting for it (rfc8693)."""
        return self.actor or self.client


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCode:
    """A code that we once issued, and whether everything above it is still valid."""

    code: AuthorizationCode
    client: Client
    grant: Grant
    account: Account
    client_session: ClientSession
    session: Session
    is_valid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRefreshToken:
    """A refresh token that we once issued, and whether it is valid, rotated or not."""

    token: RefreshToken
    client: Client
    grant: Grant
    account: Account
    client_session: ClientSession
    session: Session
    is_valid: bool

    @property
    def outlives_session(self) -> bool:
        """Whether it needs only its grant, and not its client session."""
        return self.grant.offline and self.token.outlives_session


def find_access_token(handle: str) -> LiveAccessToken | None:
    """Find a valid access token, in one statement. Served by the unique index on its digest."""
    now = clock.now()
    of_a_grant = token_of_grant_is_valid(AccessToken, now)
    valid = (
        _with_all_above(AccessToken, handle, _Actor, grant_needed=False)
        .outerjoin(_Actor, _Actor.id == AccessToken.actor_id)
        .where(_is_in_force(AccessToken, now), _issuers_are_valid())
        .where(or_(AccessToken.grant_id.is_(None), of_a_grant))
    )
    row = _first(valid)
    if row is None or not _may_still_act(row.actor, row.Client):
        return None
    return LiveAccessToken(token=row.AccessToken, actor=row.actor, **_all_above(row))


def find_refresh_token(handle: str, *, lock: bool = True) -> FoundRefreshToken | None:
    """Find a refresh token, valid or not, in one statement; with the lock, behind its grant's row."""
    now = clock.now()
    is_valid = token_of_grant_is_valid(RefreshToken, now)
    known = _with_all_above(RefreshToken, handle, is_valid.label("is_valid"))
    row = _first(_locked(known) if lock else known)
    return row and FoundRefreshToken(
        token=row.RefreshToken,
        is_valid=bool(row.is_valid) and _may_be_refreshed(row.Client, row.RefreshToken),
        **_all_above(row),
    )


def has_offline_token(grant: Grant) -> bool:
    """Return whether a refresh token stands on a grant that needs nothing else. Served by its index.

    A person may have signed in to one app twice in the same browser, on one device or on two.
    """
    standing = (
        select(RefreshToken.id)
        .join(Grant, Grant.id == RefreshToken.grant_id)
        .where(
            RefreshToken.grant_id == grant.id,
            RefreshToken.rotated_at.is_(None),
            _is_in_force(RefreshToken, clock.now()),
            outlives_session(RefreshToken),
        )
    )
    return db.session.scalar(standing.limit(1)) is not None


def find_code(handle: str) -> FoundCode | None:
    """Find a code, used or not, in one statement and behind its grant's row.

    A code needs a live client session, even when the grant is an offline one.
    """
    now = clock.now()
    is_valid = and_(grant_is_valid(now), client_session_is_live(now), AuthorizationCode.expires_at > now)
    row = _first(_locked(_with_all_above(AuthorizationCode, handle, is_valid.label("is_valid"))))
    return row and FoundCode(code=row.AuthorizationCode, is_valid=bool(row.is_valid), **_all_above(row))


def client_session_is_live(now: datetime) -> ColumnElement[bool]:
    """The condition that a client session is live, over it, Session, Account and ProviderState."""
    return and_(ClientSession.ended_at.is_(None), session_is_live(now))


def token_of_grant_is_valid(token: type[AccessToken | RefreshToken], now: datetime) -> ColumnElement[bool]:
    """The condition that a token of a grant is valid, over all rows that it hangs on (core §11).

    A token that was not issued with offline_access ends with its client session, whatever else the same
    client was allowed in that session.
    """
    bound = or_(outlives_session(token), client_session_is_live(now))
    return and_(_is_in_force(token, now), grant_is_valid(now), bound)


def outlives_session(token: type[AccessToken | RefreshToken]) -> ColumnElement[bool]:
    """The condition, over the token and its Grant, that the token does not need its client session."""
    says_so = (" " + token.scope + " ").contains(f" {OFFLINE_ACCESS} ")
    return and_(Grant.offline, func.coalesce(token.offline, says_so))


def _is_in_force(token: type[AccessToken | RefreshToken], now: datetime) -> ColumnElement[bool]:
    return and_(token.revoked_at.is_(None), token.expires_at > now)


def _may_be_refreshed(client: Client, token: RefreshToken) -> bool:
    """Whether the client may still have offline access, which can be taken away (ABU-24).

    A device has it without an offline grant, by a session that lasts as long as one.
    """
    return client.may_stay_offline if OFFLINE_ACCESS in token.scope.split() else True


def service_token_is_valid(now: datetime) -> ColumnElement[bool]:
    """The condition, over AccessToken, Client and ProviderState, that a service token is valid."""
    return and_(
        AccessToken.grant_id.is_(None),
        _is_in_force(AccessToken, now),
        _client_and_provider_are_valid(),
        _credentials_are_in_force(Client),
    )


def _issuers_are_valid() -> ColumnElement[bool]:
    """The condition for every access token, also for service tokens."""
    return and_(
        _client_and_provider_are_valid(),
        or_(AccessToken.actor_id.is_(None), _actor_is_valid()),
        or_(AccessToken.grant_id.is_not(None), _credentials_are_in_force(Client)),
    )


def _client_and_provider_are_valid() -> ColumnElement[bool]:
    return and_(
        Client.disabled_at.is_(None),
        Client.deleted_at.is_(None),
        AccessToken.client_epoch == Client.epoch,
        is_valid_for_all(AccessToken.provider_epoch, AccessToken.created_at),
    )


def _actor_is_valid() -> ColumnElement[bool]:
    return and_(
        _Actor.disabled_at.is_(None),
        _Actor.deleted_at.is_(None),
        AccessToken.actor_epoch == _Actor.epoch,
        _credentials_are_in_force(_Actor),
    )


def _credentials_are_in_force(holder: type[Client]) -> ColumnElement[bool]:
    """The condition that a service token was not ended with the credentials it was issued for.

    Tokens of the previous release carry no number: they end with the first credential that is withdrawn.
    """
    return func.coalesce(AccessToken.credentials_epoch, 0) == holder.credentials_epoch


def _may_still_act(actor: Client | None, client: Client) -> bool:
    """Whether the operator still lets a service act for a client's people."""
    return actor is None or client.client_id in (actor.may_exchange_tokens_of or ())


def _with_all_above(
    issued: type[AccessToken | RefreshToken | AuthorizationCode],
    handle: str,
    *also: Any,
    grant_needed: bool = True,
) -> AnySelect:
    """Select the code or token with this handle, all rows that it hangs on, and further columns.

    Without `grant_needed` a service token is found too: it has no person and no session.
    """
    outer = not grant_needed
    return (
        select(issued, Client, Grant, Account, ClientSession, Session, *also)
        .join(Client, Client.id == issued.client_id)
        .join(ProviderState, true())
        .join(Grant, Grant.id == issued.grant_id, isouter=outer)
        .join(Account, Account.id == Grant.account_id, isouter=outer)
        .join(ClientSession, ClientSession.id == issued.client_session_id, isouter=outer)
        .join(Session, Session.id == ClientSession.session_id, isouter=outer)
        .where(issued.digest == digest_of(handle))
    )


def _all_above(row: Any) -> dict[str, Any]:
    return {
        "client": row.Client,
        "grant": row.Grant,
        "account": row.Account,
        "client_session": row.ClientSession,
        "session": row.Session,
    }


def _locked(statement: AnySelect) -> AnySelect:
    # Refresh, code exchange and every revocation meet at the grant's row, and the later one sees what
    # the earlier did. NO KEY UPDATE is enough for that and lets rows that refer to the grant be added.
    return statement.with_for_update(of=Grant, key_share=True)


def _first(statement: AnySelect) -> Any:
    return db.session.execute(statement, execution_options={"populate_existing": True}).one_or_none()

"""Whether a code or token is valid: one query over every level of revocation (design §4).

The person, the client, the provider, the grant, the session, the client session and the token itself are
read in one statement, so that no two of them can be seen at different instants.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, String, and_, bindparam, or_, select

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.grants.models import Grant
from provider.grants.queries import grant_is_valid
from provider.infrastructure import clock
from provider.infrastructure.database import NOW, db
from provider.infrastructure.opaque_tokens import digest_of
from provider.infrastructure.provider_state import IS_THE_ROW, ProviderState
from provider.protocol.scopes import OFFLINE_ACCESS
from provider.sessions.models import ClientSession, Session
from provider.tokens.conditions import (
    Actor,
    client_session_is_live,
    is_in_force,
    issuer_is_valid,
    issuers_are_valid,
    outlives_session,
    token_of_grant_is_valid,
)
from provider.tokens.models import AccessToken, AuthorizationCode, RefreshToken

AnySelect = Select[*tuple[Any, ...]]
Issued = type[AccessToken | RefreshToken | AuthorizationCode]
_DIGEST = bindparam("digest", type_=String())


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAccessToken:
    """A valid access token with the rows that it depends on; a service token has neither grant nor person."""

    token: AccessToken
    client: Client
    grant: Grant | None
    account: Account | None
    client_session: ClientSession | None
    session: Session | None
    # The service that got the token by token exchange and holds it instead of the client.
    actor: Client | None = None

    @property
    def holder(self) -> Client:
        """The client that presents this token: the one that the person allowed, or a service (rfc8693)."""
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
        """Whether the token needs only its grant, and not its client session."""
        return self.grant.offline and self.token.outlives_session


def find_access_token(handle: str) -> LiveAccessToken | None:
    """Find a valid access token, in one statement. Served by the unique index on its digest."""
    row = _first(_VALID_ACCESS_TOKEN, handle)
    if row is None or not may_still_act(row.actor, row.Client):
        return None
    return LiveAccessToken(token=row.AccessToken, actor=row.actor, **_all_above(row))


def find_refresh_token(handle: str, *, lock: bool = True) -> FoundRefreshToken | None:
    """Find a refresh token, valid or not, in one statement; with `lock`, that also locks its grant's row."""
    row = _first(_LOCKED_REFRESH_TOKEN if lock else _REFRESH_TOKEN, handle)
    return row and FoundRefreshToken(
        token=row.RefreshToken,
        is_valid=bool(row.is_valid) and may_be_refreshed(row.Client, row.RefreshToken),
        **_all_above(row),
    )


def has_offline_token(grant: Grant) -> bool:
    """Return whether a grant has a refresh token that needs nothing but the grant. Served by its index.

    A person may have signed in to one app twice in the same browser, on one device or on two.
    """
    standing = (
        select(RefreshToken.id)
        .join(Grant, Grant.id == RefreshToken.grant_id)
        .where(
            RefreshToken.grant_id == grant.id,
            RefreshToken.rotated_at.is_(None),
            is_in_force(RefreshToken, clock.now()),
            outlives_session(RefreshToken),
        )
    )
    return db.session.scalar(standing.limit(1)) is not None


def may_be_refreshed(client: Client, token: RefreshToken) -> bool:
    """Return whether the client may still have offline access, which can be taken away (ABU-24).

    A device has it without an offline grant, because its session lasts as long as a grant.
    """
    return client.may_stay_offline if OFFLINE_ACCESS in token.scope.split() else True


def may_still_act(actor: Client | None, client: Client) -> bool:
    """Return whether the operator still lets a service act for a client's users."""
    return actor is None or client.client_id in (actor.may_exchange_tokens_of or ())


def with_all_above(issued: Issued, *selected: Any, grant_needed: bool = True) -> AnySelect:
    """Select columns of the code or token with a digest, and of all rows that it depends on.

    Without `grant_needed` a service token is found too: it has no person and no session.
    """
    outer = not grant_needed
    return (
        select(*selected)
        .select_from(issued)
        .join(Client, Client.id == issued.client_id)
        .join(ProviderState, IS_THE_ROW)
        .join(Grant, Grant.id == issued.grant_id, isouter=outer)
        .join(Account, Account.id == Grant.account_id, isouter=outer)
        .join(ClientSession, ClientSession.id == issued.client_session_id, isouter=outer)
        .join(Session, Session.id == ClientSession.session_id, isouter=outer)
        .where(issued.digest == _DIGEST)
    )


def _all_above(row: Any) -> dict[str, Any]:
    return {
        "client": row.Client,
        "grant": row.Grant,
        "account": row.Account,
        "client_session": row.ClientSession,
        "session": row.Session,
    }


def locked(statement: AnySelect) -> AnySelect:
    """Return the statement with a lock on the grant's row."""
    # Refresh, code exchange and every revocation lock the grant's row, so the later one sees what the earlier
    # did. NO KEY UPDATE is enough for that and lets rows that refer to the grant be added.
    return statement.with_for_update(of=Grant, key_share=True)


def by_handle(handle: str) -> dict[str, object]:
    """Return the values of these statements' parameters."""
    return {"digest": digest_of(handle), NOW.key: clock.now()}


def _first(statement: AnySelect, handle: str) -> Any:
    fresh = {"populate_existing": True}
    return db.session.execute(statement, by_handle(handle), execution_options=fresh).one_or_none()


def valid_access_token(*selected: Any) -> AnySelect:
    """Select columns of the valid access token with a digest, and of the rows that it depends on."""
    held = _in_force(*selected).outerjoin(Actor, Actor.id == AccessToken.actor_id)
    return held.where(issuers_are_valid())


def valid_unless_held(*selected: Any) -> AnySelect:
    """Select the same and, as the last column, the id of the service that holds the token.

    Nothing about that service is checked here: if the id is not NULL, `valid_access_token` has to decide.
    """
    return _in_force(*selected, AccessToken.actor_id).where(issuer_is_valid())


def _in_force(*selected: Any) -> AnySelect:
    return (
        with_all_above(AccessToken, *selected, grant_needed=False)
        .where(is_in_force(AccessToken, NOW))
        .where(or_(AccessToken.grant_id.is_(None), token_of_grant_is_valid(AccessToken, NOW)))
    )


# Built once: SQLAlchemy takes longer to build these statements than PostgreSQL to answer them.
REFRESH_TOKEN_IS_VALID = token_of_grant_is_valid(RefreshToken, NOW).label("is_valid")
CODE_IS_VALID = and_(
    grant_is_valid(NOW), client_session_is_live(NOW), AuthorizationCode.expires_at > NOW
).label("is_valid")
_ABOVE = (Client, Grant, Account, ClientSession, Session)
_VALID_ACCESS_TOKEN = valid_access_token(AccessToken, *_ABOVE, Actor)
_REFRESH_TOKEN = with_all_above(RefreshToken, RefreshToken, *_ABOVE, REFRESH_TOKEN_IS_VALID)
_LOCKED_REFRESH_TOKEN = locked(_REFRESH_TOKEN)

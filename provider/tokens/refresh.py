"""Issue and rotate refresh tokens, and detect stolen ones (rfc9700 §4.14).

Each token is used once. Its successor's handle is derived from the token and our key, so an honest client
whose response was lost can be given the same successor again without our storing it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Table, Uuid, bindparam, select, update

from provider.clients.models import Client
from provider.grants.models import Grant
from provider.infrastructure import clock, current
from provider.infrastructure.database import NOW, Base, Outdated, UTCDateTime, db
from provider.infrastructure.one_row import change_at_commit, change_by, insert_at_commit
from provider.infrastructure.opaque_tokens import digest_of, new_handle, new_id
from provider.infrastructure.secrets import SecretBox
from provider.sessions.models import ClientSession, Session
from provider.tokens.id_token import SignIn
from provider.tokens.liveness import FoundRefreshToken
from provider.tokens.models import RefreshToken

REFRESH_TOKEN_PREFIX = "cfr_"  # noqa: S105 – a public prefix, no token.


@dataclass(frozen=True, slots=True)
class Rotated:
    """The token was valid; `handle` is its successor or itself. `repeated`: it was returned before."""

    handle: str
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Replayed:
    """The token was already used, and too long ago for a retry: it was copied."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """The token has ended, on its own or with its grant or session; its use is no sign of theft (DEC-16)."""


Rotation = Rotated | Replayed | Invalid


def issue(
    client: Client,
    grant: Grant,
    client_session: ClientSession,
    session: Session,
    *,
    scope: str,
    family_id: UUID,
    offline: bool,
    sign_in: SignIn,
    resources: Collection[str] | None = None,
    cnf: dict[str, str] | None = None,
    claims: dict[str, list[str]] | None = None,
) -> str:
    """Issue the first refresh token of a family; returns its handle.

    `offline` says whether it may outlive its client session, `sign_in` is what it came from, `resources`
    are those among which its access tokens may choose, `cnf` which key its holder must prove to have,
    `claims` those returned beyond the scope.
    """
    handle = new_handle(REFRESH_TOKEN_PREFIX)
    values = {
        "id": new_id(),
        "digest": digest_of(handle),
        "family_id": family_id,
        "generation": 0,
        "client_id": client.id,
        "grant_id": grant.id,
        "client_session_id": client_session.id,
        "scope": scope,
        "offline": offline,
        "auth_time": sign_in.auth_time,
        "amr": sign_in.amr,
        "acr": sign_in.acr,
        "resources": list(resources) if resources else None,
        "cnf": cnf,
        "claims": claims,
        "created_at": clock.now(),
        "expires_at": _end_of(grant, session, offline=offline),
    }
    insert_at_commit(RefreshToken, values)
    return handle


def rotate(found: FoundRefreshToken, presented: str) -> Rotation:
    """Exchange a refresh token for its successor. The caller holds the grant's lock.

    The token is used up at the commit, which raises Outdated if another request was first.
    """
    if not found.is_valid:
        return Invalid()
    # FAPI 2.0 §5.3.2.1: 'shall not use refresh token rotation'; its tokens are bound to a key.
    if found.client.metadata_.follows_fapi2 and _prolong(found):
        return Rotated(presented)
    if found.token.rotated_at is None:
        # The row may have been read just before the grant was locked: the commit checks it again.
        change_at_commit(_USE, otherwise=Outdated(), token_id=found.token.id, now=clock.now())
        successor = _successors(presented, current.secret_box())[0]
        _add_successor(found, successor)
        return Rotated(successor)
    # The data keys are read again: another process may have rotated them and made the successor since.
    for successor in _successors(presented, current.data_keys().look_again()):
        if _may_be_repeated(found, successor):
            return Rotated(successor, repeated=True)
    return Replayed()


def _successors(presented: str, box: SecretBox) -> list[str]:
    """Return the successor of a token under each data key, newest key first."""
    return [REFRESH_TOKEN_PREFIX + made for made in box.keyed_tokens("refresh-successor", presented)]


def _prolong(found: FoundRefreshToken) -> bool:
    """Move the idle end of a token that is not rotated; False if it was already used up by a rotation."""
    end = _end_of(found.grant, found.session, offline=found.outlives_session)
    return change_by(_PROLONG, token_id=found.token.id, end=end) == 1


def _add_successor(found: FoundRefreshToken, handle: str) -> None:
    token = found.token
    values = {
        "id": new_id(),
        "digest": digest_of(handle),
        "family_id": token.family_id,
        "generation": token.generation + 1,
        "client_id": token.client_id,
        "grant_id": token.grant_id,
        "client_session_id": token.client_session_id,
        "scope": token.scope,
        "offline": token.outlives_session,
        "auth_time": token.auth_time,
        "amr": token.amr,
        "acr": token.acr,
        "resources": token.resources,
        "cnf": token.cnf,
        "claims": token.claims,
        "created_at": clock.now(),
        "expires_at": _end_of(found.grant, found.session, offline=found.outlives_session),
    }
    insert_at_commit(RefreshToken, values)


def _may_be_repeated(found: FoundRefreshToken, successor: str) -> bool:
    """Return whether the successor was made a moment ago and has not been used (DEC-10)."""
    made = select(RefreshToken).where(
        RefreshToken.digest == digest_of(successor),
        RefreshToken.rotated_at.is_(None),
        RefreshToken.revoked_at.is_(None),
    )
    token = db.session.scalars(made, execution_options={"populate_existing": True}).one_or_none()
    interval = reuse_interval(found.client, is_bound=found.token.cnf is not None)
    return token is not None and clock.now() - token.created_at < interval


def reuse_interval(client: Client, *, is_bound: bool = False) -> timedelta:
    """Return how long a client may repeat a refresh: as set for it, or by default (DEC-10).

    By default a public client may not, because a thief could repeat a stolen token; a token bound to a key is
    safe from that.
    """
    if client.refresh_reuse_interval is not None:
        interval: timedelta = client.refresh_reuse_interval
        return interval
    may_repeat = is_bound or not client.metadata_.is_public
    return current.settings().refresh_reuse_interval if may_repeat else timedelta(0)


def _end_of(grant: Grant, session: Session, *, offline: bool) -> datetime:
    """Return the end of an unused token; used or not, it ends with its grant (SEC-1018)."""
    idle_end = clock.now() + current.settings().refresh_token_idle_lifetime
    last = grant.expires_at if offline else min(grant.expires_at, session.expires_at)
    return min(idle_end, last)


_table: Table = Base.metadata.tables["refresh_token"]
_UNUSED = update(_table).where(
    _table.c.id == bindparam("token_id", type_=Uuid()),
    _table.c.rotated_at.is_(None),
    _table.c.revoked_at.is_(None),
)
_USE = _UNUSED.values(rotated_at=NOW)
_PROLONG = _UNUSED.values(expires_at=bindparam("end", type_=UTCDateTime()))

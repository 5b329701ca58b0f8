"""Initial access tokens: issued by the operator, each for a given number of registrations."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy import update as sql_update

from provider.clients.models import InitialAccessToken
from provider.infrastructure import clock
from provider.infrastructure.database import change, db
from provider.infrastructure.opaque_tokens import digest_of, new_handle, new_id

PREFIX = "cfi_"


class UnknownInitialAccessToken(LookupError):
    """The token does not exist or is already revoked."""


class InvalidInitialAccessToken(ValueError):
    """The token cannot be made with these values; the message says why."""


def create(
    *, name: str | None = None, most_uses: int | None = 1, expires_at: datetime | None = None
) -> tuple[InitialAccessToken, str]:
    """Make a token and return it with its row, this once."""
    now = clock.now()
    if most_uses is not None and most_uses < 1:
        raise InvalidInitialAccessToken("an initial access token must allow at least one use")
    if expires_at is not None and expires_at <= now:
        raise InvalidInitialAccessToken("an initial access token must not have expired when it is made")
    token = new_handle(PREFIX)
    row = InitialAccessToken(
        id=new_id(),
        digest=digest_of(token),
        name=name,
        most_uses=most_uses,
        uses=0,
        created_at=now,
        expires_at=expires_at,
    )
    db.session.add(row)
    db.session.flush()
    return row, token


def find_good(token: str) -> InitialAccessToken | None:
    """Find a token that may be used now. Served by the unique digest."""
    return db.session.scalar(select(InitialAccessToken).where(_is_good(token)))


def use(token: str) -> UUID | None:
    """Count one use of a token and return its id; None if it is not valid (a concurrent use may win)."""
    used = sql_update(InitialAccessToken).where(_is_good(token))
    counted = used.values(uses=InitialAccessToken.uses + 1, last_used_at=clock.now())
    return db.session.scalar(counted.returning(InitialAccessToken.id))


def revoke(token_id: UUID) -> None:
    """Revoke a token; clients that were registered with it stay."""
    unrevoked = InitialAccessToken.revoked_at.is_(None)
    revoked = sql_update(InitialAccessToken).where(InitialAccessToken.id == token_id, unrevoked)
    if not change(revoked.values(revoked_at=clock.now())):
        raise UnknownInitialAccessToken(f"there is no initial access token {token_id} that could be revoked")


def list_tokens(limit: int = 1000) -> list[InitialAccessToken]:
    """List the tokens, oldest first."""
    return list(db.session.scalars(select(InitialAccessToken).order_by(InitialAccessToken.id).limit(limit)))


def is_spent(row: InitialAccessToken) -> bool:
    """Return whether a token has been used as often as it may."""
    return row.most_uses is not None and row.uses >= row.most_uses


def _is_good(token: str) -> ColumnElement[bool]:
    table = InitialAccessToken
    return and_(
        table.digest == digest_of(token),
        table.revoked_at.is_(None),
        or_(table.expires_at.is_(None), table.expires_at > clock.now()),
        or_(table.most_uses.is_(None), table.uses < table.most_uses),
    )

"""Import people from another provider, many at once, keeping the `sub` by which apps know them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table, select
from sqlalchemy.exc import IntegrityError

from provider.accounts import hash_sealing
from provider.accounts.models import Account
from provider.accounts.names import fold
from provider.infrastructure import clock
from provider.infrastructure.database import Base, db
from provider.infrastructure.many_rows import insert_many
from provider.infrastructure.opaque_tokens import new_id, new_subject

_table: Table = Base.metadata.tables["account"]


class TakenMeanwhile(Exception):
    """A name or a `sub` was given to another person at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPerson:
    """A person whose name, `sub`, claims and hash were checked."""

    username: str
    sub: str | None
    claims: Mapping[str, Any]
    password_hash: str | None = field(default=None, repr=False)
    enabled: bool = True
    created_at: datetime | None = None


def known_subs(subs: Collection[str]) -> set[str]:
    """Return which of these `sub` values belong, or belonged, to a person. Served by the unique `sub`."""
    return set(db.session.scalars(select(Account.sub).where(Account.sub.in_(subs)))) if subs else set()


def known_names(folded: Collection[str]) -> set[str]:
    """Return which of these folded names are taken. Served by the unique folded name."""
    named = select(Account.folded_username).where(Account.folded_username.in_(folded))
    return set(db.session.scalars(named)) if folded else set()


def add_many(people: Sequence[NewPerson]) -> list[UUID]:
    """Add people in the open transaction, and return their identifiers. Raises TakenMeanwhile."""
    rows = [_row(person) for person in people]
    try:
        if rows:
            insert_many(_table, rows)
    except IntegrityError as exc:
        raise TakenMeanwhile("an account of the same name was added at the same time; run it again") from exc
    return [row["id"] for row in rows]


def _row(person: NewPerson) -> dict[str, Any]:
    now, account_id = clock.now(), new_id()
    hash_ = person.password_hash
    return {
        "id": account_id,
        "sub": person.sub or new_subject(),
        "username": person.username,
        "folded_username": fold(person.username),
        "password_hash": hash_sealing.seal(hash_, account_id) if hash_ else None,
        "password_changed_at": now if hash_ else None,
        "claims": dict(person.claims),
        "role": None,
        "epoch": 0,
        "created_at": min(person.created_at or now, now),
        "updated_at": now,
        "disabled_at": None if person.enabled else now,
        "deleted_at": None,
    }

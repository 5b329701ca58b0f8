"""Queries for clients."""

import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, String, and_, bindparam, func, or_, select

from provider.clients.models import Client
from provider.infrastructure.database import db
from provider.infrastructure.read_only_rows import ReadOnly, find_one

# A database cannot search for NUL or unpaired surrogates, but JSON and URLs from outside may contain both.
_NEVER_AN_ID = re.compile("[\0\ud800-\udfff]")
# Characters with a special meaning in our LIKE patterns.
_SPECIAL = re.compile("[%_/]")
# How many clients one statement names.
_CHUNK = 500
IS_NAMED = and_(Client.client_id == bindparam("client_id", type_=String()), Client.deleted_at.is_(None))
_WHOLE = ReadOnly(Client)
# The columns that authenticate a client, and those that decide what it may do once authenticated.
PROVING = ReadOnly(
    Client,
    *("id", "client_id", "registered", "first_party", "self_registered", "registrant"),
    *("secret_digest", "secret_expires_at", "secret_last_used_at", "secret_generation", "any_secret_method"),
    *("previous_secret_digest", "previous_secret_expires_at", "previous_secret_last_used_at"),
    *("epoch", "credentials_epoch", "may_exchange_tokens_of", "disabled_at", "deleted_at"),
    *("logout_endpoint_failing", "deliver_to", "refuse_when_degraded_for"),
)
_NAMED = select(Client).where(IS_NAMED)
_READ, READ_PROVING = (select(*part.columns).where(IS_NAMED) for part in (_WHOLE, PROVING))


class UnknownClient(LookupError):
    """The client does not exist, or no longer exists."""


def may_be_stored(client_id: str) -> bool:
    """Return whether a database can store, and search for, this client_id."""
    return _NEVER_AN_ID.search(client_id) is None


def find_by_client_id(client_id: str) -> Client | None:
    """Find a client by its client_id, unless it was removed. Served by the unique client_id."""
    if not may_be_stored(client_id):
        return None
    named = {"client_id": client_id}
    return db.session.scalars(_NAMED, named, execution_options={"populate_existing": True}).one_or_none()


def read_by_client_id(client_id: str) -> Client | None:
    """Find a client like `find_by_client_id`, as a read-only row."""
    return _read(_READ, _WHOLE, client_id)


def read_proving(client_id: str) -> Client | None:
    """Find a client like `read_by_client_id`, with only the columns needed to authenticate it."""
    return _read(READ_PROVING, PROVING, client_id)


def _read(statement: Select[Any], part: ReadOnly[Client], client_id: str) -> Client | None:
    if not may_be_stored(client_id):
        return None
    return part.take_row(find_one(statement, {"client_id": client_id}))


def get_by_client_id(client_id: str) -> Client:
    """Return a client by its client_id, or raise UnknownClient."""
    client = find_by_client_id(client_id)
    if client is None:
        raise UnknownClient(f"there is no client {client_id!r}")
    return client


def find_many(client_ids: Collection[str], *, lock: bool = False) -> dict[str, Client]:
    """Return these clients by client_id, except those that do not exist or were removed.

    With `lock` they stay locked until the commit. Served by the unique client_id.
    """
    found: dict[str, Client] = {}
    named = sorted(one for one in client_ids if not _NEVER_AN_ID.search(one))
    for start in range(0, len(named), _CHUNK):
        some = select(Client).where(
            Client.client_id.in_(named[start : start + _CHUNK]), Client.deleted_at.is_(None)
        )
        some = some.order_by(Client.client_id).execution_options(populate_existing=True)
        some = some.with_for_update(key_share=True) if lock else some
        found |= {client.client_id: client for client in db.session.scalars(some)}
    return found


def lock(client_id: str) -> Client:
    """Lock a client's row until the commit and return it as it is now, or raise UnknownClient.

    For changes that depend on the client's state: of two at once, the later sees the earlier.
    """
    client = get_by_client_id(client_id)
    db.session.refresh(client, with_for_update={"key_share": True})
    if client.deleted_at is not None:
        raise UnknownClient(f"there is no client {client_id!r}")
    return client


def find(client_pk: UUID) -> Client | None:
    """Find a client by its primary key, removed ones included."""
    return db.session.get(Client, client_pk)


def client_ids_of(client_pks: Collection[UUID]) -> dict[UUID, str]:
    """Return the client_id for each of these primary keys, removed clients included."""
    named = select(Client.id, Client.client_id).where(Client.id.in_(client_pks))
    known = {row[0]: row[1] for row in db.session.execute(named)} if client_pks else {}
    return {pk: known.get(pk, str(pk)) for pk in client_pks}


def list_clients(*, after: UUID | None = None, limit: int = 100) -> list[Client]:
    """List clients, oldest first; `after` is the last identifier of the page before."""
    wanted = select(Client).where(Client.deleted_at.is_(None)).order_by(Client.id).limit(limit)
    if after is not None:
        wanted = wanted.where(Client.id > after)
    return list(db.session.scalars(wanted))


class Filter(NamedTuple):
    """A filter of clients; a field that is None matches every client."""

    # A part of the client_id or of the name, ignoring case.
    text: str | None = None
    client_id: str | None = None
    enabled: bool | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the filter as conditions on Client."""
        found: list[ColumnElement[bool]] = []
        if self.text is not None:
            found.append(_contains(self.text))
        if self.client_id is not None:
            found.append(Client.client_id == self.client_id)
        if self.enabled is not None:
            found.append(Client.disabled_at.is_(None) if self.enabled else Client.disabled_at.is_not(None))
        return found


def _contains(typed: str) -> ColumnElement[bool]:
    """Return the condition that a client's id or name contains a text.

    It reads the JSON only of clients without a search text, because that takes ten times as long.
    """
    pattern = func.lower("%" + _SPECIAL.sub(r"/\g<0>", typed) + "%")
    name = Client.registered["client_name"].as_string()
    read = (one.icontains(typed, autoescape=True) for one in (Client.client_id, name))
    return or_(Client.search_text.like(pattern, escape="/"), and_(Client.search_text.is_(None), or_(*read)))


def search(wanted: Filter, *, after: UUID | None = None, limit: int = 100) -> list[Client]:
    """List the wanted clients, oldest first; `after` is the last identifier of the page before."""
    found = select(Client).where(Client.deleted_at.is_(None), *wanted.conditions()).order_by(Client.id)
    if after is not None:
        found = found.where(Client.id > after)
    return list(db.session.scalars(found.limit(limit)))


def list_public(connection: Connection) -> list[Client]:
    """List all active public clients (rfc6749 §2.1), with only `registered` and `first_party`."""
    method = Client.registered["token_endpoint_auth_method"].as_string()
    public = select(Client.registered, Client.first_party).where(
        method == "none", Client.disabled_at.is_(None), Client.deleted_at.is_(None)
    )
    return [Client(registered=known, first_party=own) for known, own in connection.execute(public)]


def list_names_of_operators_clients(*, but: Client | None = None) -> list[str]:
    """List the names, in each language, of the clients that the operator registered (rfc7591 §5).

    A client without a name is shown by its client_id.
    """
    known = select(Client.client_id, Client.registered).where(
        Client.self_registered.is_(False), Client.deleted_at.is_(None)
    )
    if but is not None:
        known = known.where(Client.id != but.id)
    return [name for row in db.session.execute(known) for name in _names_of(*row)]


def _names_of(client_id: str, registered: Mapping[str, Any]) -> list[str]:
    names = [said for member, said in registered.items() if member.startswith("client_name#")]
    return [registered.get("client_name") or client_id, *names]


def is_client_id_taken(client_id: str) -> bool:
    """Return whether any client, even a removed one, has this id, ignoring case (SEC-907)."""
    alike = select(Client.id).where(func.lower(Client.client_id) == client_id.lower()).limit(1)
    return db.session.scalar(alike) is not None

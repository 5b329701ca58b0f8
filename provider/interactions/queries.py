"""Questions about parked requests."""

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import String, and_, bindparam, func, select
from sqlalchemy.orm import aliased, joinedload

from provider.clients.models import Client
from provider.clients.queries import IS_NAMED
from provider.infrastructure import clock
from provider.infrastructure.database import NOW, db
from provider.infrastructure.opaque_tokens import digest_of
from provider.infrastructure.read_only_rows import ReadOnly, columns_of, find_one
from provider.interactions.models import Interaction, InteractionKind
from provider.interactions.sealing import unseal


def find(
    handle: str, browser: str | None, kind: InteractionKind, *, sealed: str | None = None
) -> Interaction | None:
    """Find a parked request that waits for an answer from this browser (THR-18, ABU-05).

    The row is read-only. A request that is sealed in the address is believed while it has no row.
    """
    if not browser:
        return None
    asked = unseal(handle, sealed)
    if asked is None:
        return _find(handle, kind, digest_of(browser))
    found = _OWN.take_row(find_one(_IN_ANY_STATE, {"handle_digest": asked.handle_digest})) or asked
    return found if _waits(found, browser, kind) else None


def find_with_client(
    handle: str, browser: str | None, *, sealed: str | None = None
) -> tuple[Interaction, Client | None] | None:
    """Find a waiting authorization request as `find` does, with its client unless that was removed."""
    if not browser:
        return None
    asked = unseal(handle, sealed)
    if asked is not None:
        return _sealed_with_client(asked, browser)
    named = {"browser_digest": digest_of(browser), "kind": InteractionKind.AUTHORIZATION}
    row = find_one(_WAITING_WITH_CLIENT, named | {"handle_digest": digest_of(handle), NOW.key: clock.now()})
    if row is None:
        return None
    read = iter(row)
    return _take(read), _CLIENT.take_if_any(read)


def find_unbound(handle: str, kind: InteractionKind) -> Interaction | None:
    """Find a parked request that no browser has adopted yet (DEC-07); the row is read-only."""
    return _find(handle, kind, None)


def find_finished(handle: str, browser: str | None, kind: InteractionKind) -> Interaction | None:
    """Find a parked request of this browser that was already answered, to explain a second answer."""
    if not browser:
        return None
    answered = select(Interaction).where(
        Interaction.handle_digest == digest_of(handle),
        Interaction.kind == kind,
        Interaction.browser_digest == digest_of(browser),
        Interaction.finished_at.is_not(None),
    )
    return db.session.scalars(answered).one_or_none()


def find_any(
    handle: str, kinds: Collection[InteractionKind], *, sealed: str | None = None
) -> Interaction | None:
    """Find a parked request in any state and of any browser, to explain why it does not wait."""
    known = (
        select(Interaction)
        .options(joinedload(Interaction.pushed))
        .where(Interaction.handle_digest == digest_of(handle), Interaction.kind.in_(kinds))
    )
    row = db.session.scalars(known, execution_options={"populate_existing": True}).one_or_none()
    return row or unseal(handle, sealed)


def find_pushed(handle: str) -> Interaction | None:
    """Find a request that a client pushed, in any state."""
    pushed = select(Interaction).where(
        Interaction.handle_digest == digest_of(handle), Interaction.kind == InteractionKind.PUSHED
    )
    return db.session.scalars(pushed, execution_options={"populate_existing": True}).one_or_none()


def _find(handle: str, kind: InteractionKind, browser_digest: str | None) -> Interaction | None:
    waiting = _UNBOUND if browser_digest is None else _WAITING
    values = {"handle_digest": digest_of(handle), "kind": kind, NOW.key: clock.now()}
    if browser_digest is not None:
        values["browser_digest"] = browser_digest
    row = find_one(waiting, values)
    return None if row is None else _take(iter(row))


def _sealed_with_client(asked: Interaction, browser: str) -> tuple[Interaction, Client | None] | None:
    if asked.kind != InteractionKind.AUTHORIZATION:
        return None
    named = {"handle_digest": asked.handle_digest, "client_id": asked.parameters["client_id"]}
    row = find_one(_CLIENT_AND_ROW, named)
    if row is None:
        found, client = asked, None
    else:
        read = iter(row)
        found, client = _OWN.take_if_any(read) or asked, _CLIENT.take(read)
    return (found, client) if _waits(found, browser, InteractionKind.AUTHORIZATION) else None


def _waits(found: Interaction, browser: str, kind: InteractionKind) -> bool:
    """Return whether a request that was found by its handle alone waits for an answer from this browser."""
    is_open = found.finished_at is None and found.expires_at > clock.now()
    return is_open and found.kind == kind and found.browser_digest == digest_of(browser)


def _take(read: Iterator[Any]) -> Interaction:
    found = _OWN.take(read)
    # The relationship that `request` reads.
    found.__dict__["pushed"] = _PUSHED.take_if_any(read)
    return found


_Pushed = aliased(Interaction)
_OWN, _PUSHED = ReadOnly(Interaction), ReadOnly(Interaction, "id", "parameters", aliased=_Pushed)
# Built once, because each page of a sign-in runs it.
_IN_WAIT = (
    select(*columns_of(_OWN, _PUSHED))
    .select_from(Interaction)
    .outerjoin(_Pushed, _Pushed.id == Interaction.pushed_id)
    .where(
        Interaction.handle_digest == bindparam("handle_digest", type_=String()),
        Interaction.kind == bindparam("kind", type_=String()),
        Interaction.finished_at.is_(None),
        Interaction.expires_at > NOW,
    )
)
_WAITING = _IN_WAIT.where(Interaction.browser_digest == bindparam("browser_digest", type_=String()))
_CLIENT = ReadOnly(Client)
_CLIENT_ID = func.coalesce(*(one.parameters["client_id"].as_string() for one in (_Pushed, Interaction)))
_WAITING_WITH_CLIENT = _WAITING.add_columns(*_CLIENT.columns).outerjoin(
    Client, and_(Client.client_id == _CLIENT_ID, Client.deleted_at.is_(None))
)
# A sealed request is never a pushed one.
_HAS_HANDLE = Interaction.handle_digest == bindparam("handle_digest", type_=String())
_IN_ANY_STATE = select(*_OWN.columns).where(_HAS_HANDLE)
_CLIENT_AND_ROW = (
    select(*columns_of(_OWN, _CLIENT)).select_from(Client).outerjoin(Interaction, _HAS_HANDLE).where(IS_NAMED)
)
_UNBOUND = _IN_WAIT.where(Interaction.browser_digest.is_(None))

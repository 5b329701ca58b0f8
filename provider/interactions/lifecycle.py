"""Park a request until a person has answered, let a browser adopt it, note answers and finish it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Table, Uuid, bindparam, select, update

from provider.infrastructure import clock, current
from provider.infrastructure.database import NOW, Base, change, db
from provider.infrastructure.one_row import change_by, insert_row
from provider.infrastructure.opaque_tokens import digest_of, new_handle, new_id
from provider.infrastructure.read_only_rows import find_one
from provider.interactions.models import Interaction, InteractionKind


def park(
    kind: InteractionKind,
    parameters: dict[str, Any],
    *,
    browser: str | None,
    session_id: UUID | None = None,
    answers: dict[str, Any] | None = None,
    lifetime: timedelta | None = None,
    handle: str | None = None,
    pushed_id: UUID | None = None,
) -> str:
    """Park a request for the browser with this binding cookie; returns the handle for its address.

    The handle is new unless it is given: another address that only this browser knows. With `pushed_id` the
    parameters are those of that pushed request.

    Without a browser (a cross-site POST, whose Lax cookie we cannot see) the first browser that
    opens the address adopts it.
    """
    now = clock.now()
    handle = handle or new_handle()
    values = {
        "id": new_id(),
        "handle_digest": digest_of(handle),
        "browser_digest": digest_of(browser) if browser else None,
        "kind": kind,
        "parameters": {} if pushed_id else parameters,
        "pushed_id": pushed_id,
        "answers": answers or {},
        "session_id": session_id,
        "created_at": now,
        "expires_at": now + (lifetime or current.settings().interaction_lifetime),
    }
    insert_row(Interaction, values)
    return handle


def answer(interaction: Interaction, **answers: Any) -> None:
    """Note what the person answered; earlier answers stay, also those of another tab since it was read."""
    named = {"interaction_id": interaction.id}
    held = find_one(_LOCKED_ANSWERS, named)
    # A request that was deleted for its age meanwhile is explained as such when the person goes on.
    if held is not None:
        change_by(_ANSWER, **named, all_answers=held[0] | answers)


def adopt(interaction: Interaction, *, browser: str, session_id: UUID | None) -> bool:
    """Bind a request without a browser to the first one that opens it; False for every later one."""
    mine = (
        update(Interaction)
        .where(Interaction.id == interaction.id, Interaction.browser_digest.is_(None))
        .values(browser_digest=digest_of(browser), session_id=session_id)
    )
    return change(mine) == 1


def take(handle: str, browser: str | None, kind: InteractionKind) -> Interaction | None:
    """Close a waiting request of this browser and return it, in one statement; None for all but the first."""
    if not browser:
        return None
    now = clock.now()
    mine = (
        update(Interaction)
        .where(
            Interaction.handle_digest == digest_of(handle),
            Interaction.browser_digest == digest_of(browser),
            Interaction.kind == kind,
            Interaction.finished_at.is_(None),
            Interaction.expires_at > now,
        )
        .values(finished_at=now)
        .returning(Interaction)
    )
    options = {"populate_existing": True, "synchronize_session": False}
    return db.session.scalars(mine, execution_options=options).one_or_none()


def finish(interaction_id: UUID) -> bool:
    """Close a parked request; only one of any number of callers gets True and may act on it."""
    return change_by(_FINISH, interaction_id=interaction_id, now=clock.now()) == 1


_table: Table = Base.metadata.tables["interaction"]
_IS_THIS = _table.c.id == bindparam("interaction_id", type_=Uuid())
_FINISH = update(_table).where(_IS_THIS, _table.c.finished_at.is_(None)).values(finished_at=NOW)
_LOCKED_ANSWERS = select(_table.c.answers).where(_IS_THIS).with_for_update(key_share=True)
_ANSWER = update(_table).where(_IS_THIS).values(answers=bindparam("all_answers", type_=JSON()))

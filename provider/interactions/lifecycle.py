"""Park a request until a person has answered, bind it to a browser, record answers and finish it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Table, Uuid, bindparam, update

from provider.infrastructure import clock, current
from provider.infrastructure.database import NOW, Base, change, db
from provider.infrastructure.merged_json import merged_json
from provider.infrastructure.one_row import change_at_commit, insert_at_commit
from provider.infrastructure.opaque_tokens import digest_of, new_handle, new_id
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
    """Park a request for the browser with this binding cookie; return the handle for its address.

    The handle is new unless one is given, such as that of another address that only this browser knows. With
    `pushed_id` the parameters are those of that pushed request.

    Without a browser (a cross-site POST, whose Lax cookie we cannot see) the first browser that opens the
    address adopts it.
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
    insert_at_commit(Interaction, values)
    return handle


def answer(interaction: Interaction, **answers: Any) -> None:
    """Record the person's answers at the commit.

    Earlier answers stay, including those that another tab gave after the request was read. If the request was
    deleted for its age meanwhile, the person's next page explains that.
    """
    change_at_commit(_ANSWER, answered_id=interaction.id, more=answers)


def adopt(interaction: Interaction, *, browser: str, session_id: UUID | None) -> bool:
    """Bind a request without a browser to the first one that opens it; return False for every later one."""
    mine = (
        update(Interaction)
        .where(Interaction.id == interaction.id, Interaction.browser_digest.is_(None))
        .values(browser_digest=digest_of(browser), session_id=session_id)
    )
    return change(mine) == 1


def take(handle: str, browser: str | None, kind: InteractionKind) -> Interaction | None:
    """Close a waiting request of this browser and return it, in one statement; None if none waits."""
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


def finish(interaction_id: UUID, *, otherwise: Exception | None = None) -> None:
    """Close a parked request at the commit; of several callers, all but one get the error `otherwise`."""
    change_at_commit(_FINISH, interaction_id=interaction_id, now=clock.now(), otherwise=otherwise)


_table: Table = Base.metadata.tables["interaction"]
_IS_THIS = _table.c.id == bindparam("interaction_id", type_=Uuid())
_FINISH = update(_table).where(_IS_THIS, _table.c.finished_at.is_(None)).values(finished_at=NOW)
_ANSWER = (
    update(_table)
    .where(_table.c.id == bindparam("answered_id", type_=Uuid()))
    .values(answers=merged_json(_table.c.answers, bindparam("more", type_=JSON())))
)

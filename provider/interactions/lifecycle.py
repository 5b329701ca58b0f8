"""Park a request until a person has answered, bind it to a browser, record answers and finish it."""

from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import JSON, Insert, Table, Uuid, bindparam, select, true, update
from sqlalchemy.dialects import postgresql, sqlite

from provider.infrastructure import clock, current
from provider.infrastructure.database import NOW, Base, change, db, is_sqlite
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
    deleted for its age meanwhile, the person's next page explains that. The first answer to a sealed request
    makes its row.
    """
    if interaction.sealed is None:
        change_at_commit(_ANSWER, answered_id=interaction.id, more=answers)
    else:
        first = _row_of(interaction, answers=interaction.answers | answers)
        change_at_commit(_first_answers(on_sqlite=is_sqlite()).answer, more=answers, **first)


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


def finish(interaction: Interaction, *, otherwise: Exception | None = None) -> None:
    """Close a parked request at the commit; of several callers, all but one get the error `otherwise`."""
    if interaction.sealed is None:
        finish_by_id(interaction.id, otherwise=otherwise)
    else:
        closed = _row_of(interaction, finished_at=clock.now())
        change_at_commit(_first_answers(on_sqlite=is_sqlite()).finish, otherwise=otherwise, **closed)


def finish_by_id(interaction_id: UUID, *, otherwise: Exception | None = None) -> None:
    """Close a request that has a row, as `finish` does."""
    change_at_commit(_FINISH, interaction_id=interaction_id, now=clock.now(), otherwise=otherwise)


def _row_of(sealed: Interaction, **answered: Any) -> dict[str, Any]:
    """Return the parameters of the row that a sealed request gets by its first answer."""
    row = {name: getattr(sealed, name) for name in _SEALED} | {"id": new_id(), "finished_at": None} | answered
    return {f"own_{name}": value for name, value in row.items()}


class _FirstAnswers(NamedTuple):
    """Inserts of a sealed request with its first answer; of two at once, the later one changes the row."""

    answer: Insert
    finish: Insert


@cache
def _first_answers(*, on_sqlite: bool) -> _FirstAnswers:
    names = [*_SEALED, "id", "finished_at"]
    values = [bindparam(f"own_{name}", type_=_table.c[name].type).label(name) for name in names]
    # SQLite wants a condition where ON CONFLICT follows a SELECT.
    made = (sqlite.insert if on_sqlite else postgresql.insert)(_table).from_select(
        names, select(*values).where(true()), include_defaults=False
    )
    merged = merged_json(_table.c.answers, bindparam("more", type_=JSON()))
    return _FirstAnswers(
        answer=made.on_conflict_do_update(index_elements=["handle_digest"], set_={"answers": merged}),
        finish=made.on_conflict_do_update(
            index_elements=["handle_digest"],
            set_={"finished_at": made.excluded.finished_at},
            where=_table.c.finished_at.is_(None),
        ),
    )


_SEALED = ("handle_digest", "browser_digest", "kind", "parameters", "answers", "created_at", "expires_at")
_table: Table = Base.metadata.tables["interaction"]
_IS_THIS = _table.c.id == bindparam("interaction_id", type_=Uuid())
_FINISH = update(_table).where(_IS_THIS, _table.c.finished_at.is_(None)).values(finished_at=NOW)
_ANSWER = (
    update(_table)
    .where(_table.c.id == bindparam("answered_id", type_=Uuid()))
    .values(answers=merged_json(_table.c.answers, bindparam("more", type_=JSON())))
)

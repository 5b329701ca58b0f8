"""How a request is parked until a person has answered."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from provider.infrastructure import clock, current
from provider.infrastructure.database import db
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
    """Park a request for the browser with this binding cookie; returns the handle for its address.

    The handle is new unless it is given: another address that only this browser knows. With `pushed_id` the
    parameters are those of that pushed request.

    Without a browser (a cross-site POST, whose Lax cookie we cannot see) the first browser that
    opens the address adopts it.
    """
    now = clock.now()
    handle = handle or new_handle()
    interaction = Interaction(
        id=new_id(),
        handle_digest=digest_of(handle),
        browser_digest=digest_of(browser) if browser else None,
        kind=kind,
        parameters={} if pushed_id else parameters,
        pushed_id=pushed_id,
        answers=answers or {},
        session_id=session_id,
        created_at=now,
        expires_at=now + (lifetime or current.settings().interaction_lifetime),
    )
    db.session.add(interaction)
    return handle

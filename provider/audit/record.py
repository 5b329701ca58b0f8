"""Write down what happened, in the transaction of the act itself (KEY-29)."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Any, Literal, ParamSpec
from uuid import UUID

from sqlalchemy import Table

from provider.audit.models import AuditEvent
from provider.audit.tags import EventTag
from provider.infrastructure import clock, current, event_log
from provider.infrastructure.database import Base, db
from provider.infrastructure.many_rows import insert_many
from provider.infrastructure.opaque_tokens import new_id
from provider.infrastructure.secrets import SecretBox

Actor = Literal["account", "client", "admin", "system"]
P = ParamSpec("P")
# Whatever a stranger may have typed, an entry stays small enough to read and to keep.
_LONGEST_TEXT = 1024


def entry(
    tag: EventTag,
    *,
    actor: Actor,
    account_id: UUID | None = None,
    client_id: str | None = None,
    session_id: UUID | None = None,
    logout_id: UUID | None = None,
    ip: str | None = None,
    **detail: object,
) -> AuditEvent:
    """Return an entry about what happens now, for `record_many`."""
    event = AuditEvent(
        id=new_id(),
        at=clock.now(),
        tag=tag.value,
        actor=actor,
        account_id=account_id,
        client_id=client_id,
        session_id=session_id,
        logout_id=logout_id,
        ip=ip,
        correlation_id=event_log.correlation_id() or None,
        detail=_as_json(detail),
    )
    event.mac = mac_of(event, current.secret_box())
    return event


def _recorded(make: Callable[P, AuditEvent]) -> Callable[P, None]:
    def record(*args: P.args, **kwargs: P.kwargs) -> None:
        """Add an entry to the open transaction: one INSERT, nothing read."""
        db.session.add(make(*args, **kwargs))

    return record


record = _recorded(entry)


def record_many(entries: Sequence[AuditEvent]) -> None:
    """Add entries to the open transaction: one INSERT however many they are."""
    if entries:
        insert_many(_table, [{name: getattr(one, name) for name in _WRITTEN} for one in entries])


def mac_of(event: AuditEvent, secret_box: SecretBox) -> str:
    """Return the keyed digest over everything an entry says; `seq` and `chain` guard its place instead."""
    return secret_box.keyed_digest("audit", _canonical(event))


def _canonical(event: AuditEvent) -> str:
    """Return an entry as one text that is the same before and after a round trip through the database."""
    said = {
        "id": event.id.hex,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "tag": event.tag,
        "actor": event.actor,
        "account_id": event.account_id and event.account_id.hex,
        "client_id": event.client_id,
        "session_id": event.session_id and event.session_id.hex,
        "logout_id": event.logout_id and event.logout_id.hex,
        "ip": event.ip,
        "correlation_id": event.correlation_id,
        "detail": event.detail,
    }
    return json.dumps(said, sort_keys=True, separators=(",", ":"))


def _as_json(value: object) -> Any:
    """Return a value as JSON will give it back, so that the digest made now holds when it is read."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return value if len(value) <= _LONGEST_TEXT else value[:_LONGEST_TEXT] + "…"
        case dict():
            return {str(name): _as_json(member) for name, member in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_as_json(member) for member in value]
        case _:
            return _as_json(str(value))


_table: Table = Base.metadata.tables["audit_event"]
# The place in the chain is given later.
_WRITTEN = tuple(name for name in _table.c.keys() if name not in {"seq", "chain"})  # noqa: SIM118 – a collection of columns is no dict.

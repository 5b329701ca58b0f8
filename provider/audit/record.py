"""Write down what happened, in the transaction of the act itself (KEY-29)."""

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, ParamSpec
from uuid import UUID

from sqlalchemy import Table

from provider.audit.models import AuditEvent
from provider.audit.tags import EventTag
from provider.infrastructure import acting, clock, current, event_log
from provider.infrastructure.acting import Operator
from provider.infrastructure.database import Base
from provider.infrastructure.many_rows import insert_later
from provider.infrastructure.one_row import insert_at_commit
from provider.infrastructure.opaque_tokens import new_handle, new_id
from provider.infrastructure.secrets import SecretBox

Actor = Literal["account", "client", "admin", "system"]
# The columns of an entry except its position in the chain, which is assigned later.
Entry = dict[str, Any]
P = ParamSpec("P")
# Whatever a request contains, an entry stays small enough to read and to store.
_LONGEST_TEXT = 1024
# Entries with one tag have few combinations of fields.
_MOST_SHAPES = 1024
_LABEL = "audit"
_LABEL_OF_ERASED = "audit-erased"
# The members of `detail` that describe a person's device.
PERSONAL_DETAIL = frozenset({"device", "device_ip"})
_IDENTIFIERS = ("account_id", "client_id", "session_id", "logout_id")


class UndeclaredField(UserWarning):
    """An entry has a field that its tag does not declare."""


def entry(
    tag: EventTag,
    *,
    actor: Actor,
    by: Operator | None = None,
    account_id: UUID | None = None,
    client_id: str | None = None,
    session_id: UUID | None = None,
    logout_id: UUID | None = None,
    ip: str | None = None,
    **detail: object,
) -> Entry:
    """Return an entry about what happens now, for `record_many`.

    `by` names the admin; without it, the admin is the operator whose command is running. `ip` defaults to the
    address of the current request.
    """
    by = by or (acting.operator() if actor == "admin" else None)
    made: Entry = {
        "id": new_id(),
        "at": clock.now(),
        "tag": tag.value,
        "actor": actor,
        "account_id": account_id,
        "client_id": client_id,
        "session_id": session_id,
        "logout_id": logout_id,
        "ip": ip or acting.address(),
        "correlation_id": event_log.correlation_id() or None,
        "detail": _as_json(detail),
        "actor_name": by.name if by else None,
        "actor_origin": by.origin if by else None,
    }
    _warn_of_undeclared(tag, made)
    made["salt"] = new_handle() if _holds_personal(actor, made["ip"], made["detail"]) else None
    made["mac"] = current.secret_box().keyed_digest(_LABEL, _text_of(made))
    return made


def _warn_of_undeclared(tag: EventTag, made: Entry) -> None:
    """Warn instead of raising, so that the act itself does not fail; tests turn the warning into an error."""
    detail = made["detail"]
    names = [name for name in _IDENTIFIERS if made[name] is not None]
    names += [name for name in detail if detail[name] is not None]
    if undeclared := _undeclared(tag, tuple(names)):
        warnings.warn(UndeclaredField(f"{tag} declares no {', '.join(sorted(undeclared))}"), stacklevel=3)


@lru_cache(maxsize=_MOST_SHAPES)
def _undeclared(tag: EventTag, names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(names).difference(tag.fields)


def _recorded(make: Callable[P, Entry]) -> Callable[P, None]:
    def record(*args: P.args, **kwargs: P.kwargs) -> None:
        """Add an entry to the open transaction: it is inserted at the commit, without reading anything."""
        insert_at_commit(AuditEvent, make(*args, **kwargs))

    return record


record = _recorded(entry)


def record_many(entries: Sequence[Entry]) -> None:
    """Add entries to the open transaction, with one INSERT however many there are."""
    if entries:
        insert_later(_table, entries)


def macs_of(event: AuditEvent, secret_box: SecretBox) -> tuple[str, ...]:
    """Return the digest over all of an entry as each data key would make it, newest key first.

    Excludes `seq` and `chain`, which protect its position.
    """
    said = {name: getattr(event, name) for name in (*_SAID, *_SAID_SINCE)}
    return secret_box.keyed_digests(_LABEL, _text_of(said))


def erased_macs_of(event: AuditEvent, secret_box: SecretBox) -> tuple[str, ...]:
    """Return the digest over the rest of an erased entry as each data key would make it, newest key first."""
    said = {name: getattr(event, name) for name in (*_SAID, *_SAID_SINCE)}
    return secret_box.keyed_digests(_LABEL_OF_ERASED, f"{event.mac} {_text_of(said)}")


def erased_mac_of(event: AuditEvent) -> str:
    """Return the digest over the rest of an erased entry."""
    return erased_macs_of(event, current.secret_box())[0]


def is_personal(event: AuditEvent) -> bool:
    """Return whether an entry contains an address or device of the person it is about."""
    return _holds_personal(event.actor, event.ip, event.detail)


def _holds_personal(actor: str, ip: str | None, detail: Mapping[str, Any]) -> bool:
    # The address of an operator's act is that of the operator's machine.
    return actor != "admin" and (ip is not None or not PERSONAL_DETAIL.isdisjoint(detail))


def _text_of(said: Mapping[str, Any]) -> str:
    # The text is the same before and after a round trip through the database.
    known = {name: value for name, value in said.items() if name in _SAID or value is not None}
    return _ENCODER.encode(known)


def _as_text(value: object) -> str:
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    raise TypeError(f"an entry cannot hold a {type(value).__name__}")


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_as_text)


def _as_json(value: object) -> Any:
    """Return a value as JSON will return it, so that the digest made now still matches when it is read."""
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
# Written out, because the digest covers exactly these columns: if a new column of the table joined them
# automatically, the digest of every existing entry would break.
_SAID = (
    *("id", "at", "tag", "actor", "account_id", "client_id", "session_id", "logout_id"),
    *("ip", "correlation_id", "detail"),
)
# Columns added later are part of the digest only where they have a value. Older entries have none; adding or
# removing a value afterwards changes the digest.
_SAID_SINCE = ("actor_name", "actor_origin", "salt")

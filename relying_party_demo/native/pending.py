"""The pending part of a sign-out of this device: recorded before anything is deleted, handed in later.

The refresh token is kept without its DPoP key, which is deleted at the sign-out: a copy of the
record can revoke the token and nothing else.
"""

import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from enum import StrEnum

from relying_party_demo.native.secret_store import SecretStore

# The maximum lifetime of a grant, after which there is nothing left to revoke.
LONGEST_AGE = timedelta(days=180)
_INDEX = "pending"


class Kind(StrEnum):
    """The kind of pending action, by its recipient."""

    REVOCATION = "revocation"
    PUSH = "push"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A token that the provider has to revoke, or a push registration to remove."""

    id: str
    kind: Kind
    value: str = field(repr=False)
    made_at: float

    @property
    def is_too_old(self) -> bool:
        """Whether it has expired on its own."""
        return time.time() - self.made_at > LONGEST_AGE.total_seconds()


class PendingRecord:
    """The list in the secret store, with an entry for each item; it names no account."""

    def __init__(self, store: SecretStore) -> None:
        self._store = store

    def add(self, kind: Kind, value: str) -> None:
        """Add an item; it is on the list once this returns. Raises StoreUnavailable."""
        one = Pending(id=secrets.token_hex(8), kind=kind, value=value, made_at=time.time())
        self._store.write(_name(one.id), json.dumps(asdict(one)))
        self._write_index([*self._index(), one.id])

    def list_all(self) -> list[Pending]:
        """Return the pending items, oldest first."""
        return list(self._read())

    def remove(self, one: Pending) -> None:
        """Remove an item that is done from the list."""
        self._write_index([known for known in self._index() if known != one.id])
        self._store.delete(_name(one.id))

    def _read(self) -> Iterator[Pending]:
        for known in self._index():
            text = self._store.read(_name(known))
            if text is not None:
                found = json.loads(text)
                yield Pending(**found | {"kind": Kind(found["kind"])})

    def _index(self) -> list[str]:
        text = self._store.read(_INDEX)
        return [str(known) for known in json.loads(text)] if text else []

    def _write_index(self, ids: list[str]) -> None:
        if ids:
            self._store.write(_INDEX, json.dumps(ids))
        else:
            self._store.delete(_INDEX)


def _name(known: str) -> str:
    return f"{_INDEX}/{known}"

"""The interface of each kind of object, as plan and apply use it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol
from uuid import UUID

from provider.configuration.entries import Entry, Files, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The declared state of an object."""

    # Everything that a file decides about the object, as JSON.
    state: Mapping[str, Any]
    # Brings the object into that state; returns the row's identifier and a generated secret.
    act: Callable[[], "Done"]
    # Changes beyond the state, as old and new values to be shown.
    more: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    # Included in the plan's hash but never shown.
    hidden: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The outcome of one act."""

    object_id: UUID
    secret: str | None = field(default=None, repr=False)


class ObjectKind(Protocol):
    """Finds objects of a kind, reads them from files and compares them; no other code reads their rows."""

    kind: ClassVar[Kind]
    # The state of an object for which a file gives no fields.
    usual: ClassVar[Mapping[str, Any]]

    def find(self, keys: Collection[str], *, lock: bool) -> dict[str, Any]:
        """Return the existing rows by their keys, locked until the commit if requested."""

    def find_owned(self, object_ids: Collection[UUID], *, lock: bool) -> dict[str, Any]:
        """Return the existing rows with these identifiers, by their keys."""

    def state_of(self, row: Any) -> dict[str, Any]:
        """Return everything that a file decides about an object; empty if the object does not exist yet."""

    def read(self, entry: Entry, row: Any | None, files: Files) -> Target:
        """Return the state that an entry declares for a row or a new object. Raises InvalidConfiguration."""

    def check_reachable(self, entry: Entry, row: Any | None) -> None:
        """Run the checks that need the network. Raises InvalidConfiguration."""

    def dangers(self, row: Any, target: Target) -> list[str]:
        """Return what people or apps lose by a change, a sentence each."""

    def dangers_of_removal(self, row: Any) -> list[str]:
        """Return what people or apps lose by a removal, a sentence each."""

    def remove(self, row: Any) -> None:
        """Remove an object."""

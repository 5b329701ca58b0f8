"""The interface that plan and apply have to each kind of object."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol
from uuid import UUID

from provider.configuration.entries import Entry, Files, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The declared state of an object."""

    # Everything that a file decides about it, as JSON.
    state: Mapping[str, Any]
    # Brings the object there; returns the row's identifier and a secret that was generated.
    act: Callable[[], "Done"]
    # Fields beyond the state, with their old and new values as they are shown.
    more: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    # Part of the plan's hash and never shown.
    hidden: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The outcome of one act."""

    object_id: UUID
    secret: str | None = field(default=None, repr=False)


class ObjectKind(Protocol):
    """Finds objects of a kind, reads them from files and compares them; no other code reads their rows."""

    kind: ClassVar[Kind]
    # The state of an object of which a file says nothing.
    usual: ClassVar[Mapping[str, Any]]

    def find(self, keys: Collection[str], *, lock: bool) -> dict[str, Any]:
        """Return the rows that exist by their keys, locked until the commit if wanted."""

    def find_owned(self, object_ids: Collection[UUID], *, lock: bool) -> dict[str, Any]:
        """Return the rows of these identifiers that exist, by their keys."""

    def state_of(self, row: Any) -> dict[str, Any]:
        """Return everything that a file decides about an object; empty if it is none yet."""

    def read(self, entry: Entry, row: Any | None, files: Files) -> Target:
        """Return what an entry makes of a row, or of none. Raises InvalidConfiguration."""

    def check_reachable(self, entry: Entry, row: Any | None) -> None:
        """Check what needs the network. Raises InvalidConfiguration."""

    def dangers(self, row: Any, target: Target) -> list[str]:
        """Return what people or apps lose by a change, a sentence each."""

    def dangers_of_removal(self, row: Any) -> list[str]:
        """Return what they lose by a removal."""

    def remove(self, row: Any) -> None:
        """Remove an object."""

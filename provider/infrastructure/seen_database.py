"""The last known state of the databases, in a file of the data folder.

A database cannot know that it is an older copy of itself; a process that has seen the newer one can. The file
is written by replacing it, by any process of this instance. Without it, or where it cannot be written,
nothing is known and nothing is refused.
"""

import json
import os
import secrets as chance
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from provider.infrastructure import event_log

FILE_NAME = "database-seen.json"
# How many databases, and how many replaced lineages, are remembered.
_MOST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The state of a database: its epoch, the end of its audit chain, and its place if it states one."""

    epoch: int
    audit_seq: int = 0
    audit_chain: str = ""
    system_identifier: str = ""
    timeline: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """The marks of the databases that were seen, by lineage, and the lineages that were replaced."""

    marks: dict[str, Mark] = field(default_factory=dict)
    replaced: tuple[str, ...] = ()

    def with_mark(self, lineage_id: str, mark: Mark, *, succeeds: str | None) -> "Seen":
        """Return this with the newest mark of a lineage, which may have replaced one that was known."""
        marks = {name: known for name, known in self.marks.items() if name != lineage_id}
        replaced = self.replaced
        if succeeds in marks and succeeds is not None:
            del marks[succeeds]
            replaced = (*replaced, succeeds)[-_MOST:]
        marks[lineage_id] = mark
        return replace(self, marks=dict(list(marks.items())[-_MOST:]), replaced=replaced)


def read(folder: Path) -> Seen:
    """Return what was seen; nothing if the file is absent or damaged."""
    path = folder / FILE_NAME
    try:
        return _from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Seen()
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as exc:
        event_log.warning("seen_database_unreadable", path=path, kind=type(exc).__name__)
        return Seen()


def write(folder: Path, seen: Seen) -> bool:
    """Replace the file, readable only by its owner; returns whether that was possible."""
    path = folder / FILE_NAME
    draft = path.with_name(f"{FILE_NAME}.{os.getpid()}.{chance.token_hex(4)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123 – the mode must hold from the first byte.
            json.dump({"marks": _to_json(seen), "replaced": seen.replaced}, file, indent=1)
        draft.replace(path)
    except OSError:
        # The operator may have made the data folder read-only; this instance then remembers nothing.
        with suppress(OSError):
            draft.unlink()
        return False
    return True


def _to_json(seen: Seen) -> dict[str, Any]:
    return {lineage_id: asdict(mark) for lineage_id, mark in seen.marks.items()}


def _from_json(known: dict[str, Any]) -> Seen:
    marks = {str(name): Mark(**mark) for name, mark in known["marks"].items()}
    return Seen(marks, tuple(map(str, known["replaced"])))

"""Read the members of one object: check types and names, and report all problems at once."""

from collections.abc import Collection, Iterable
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar

from provider.config.values import read_timedelta
from provider.configuration.document import Node
from provider.configuration.entries import Entry
from provider.configuration.problems import ConfigurationProblem

C = TypeVar("C", bound=StrEnum)
_LONGEST = 2048


class Members:
    """The members of an object's mapping, or of a nested one."""

    def __init__(self, entry: Entry, *path: str, known: Collection[str] | None) -> None:
        self.problems: list[ConfigurationProblem] = []
        self._entry, self._path = entry, path
        self._members = self._mapping()
        for name in self._members:
            if known is not None and name not in known:
                self.refuse(name, f"is not known; there are {', '.join(sorted(known))}")

    def refuse(self, name: str, sentence: str) -> None:
        """Add a problem with a member."""
        self.problems.append(
            self._entry.problem(sentence, *self._path, name)
            if name in self._members
            else self._entry.problem(sentence, *self._path, name=name)
        )

    def has(self, name: str) -> bool:
        """Return whether a member is present with a value."""
        return name in self._members and self._members[name].value is not None

    def plain(self) -> dict[str, Any]:
        """Return all members as JSON values."""
        return {name: node.plain() for name, node in self._members.items()}

    def text(self, name: str) -> str | None:
        """Return a text, or None."""
        value = self._value(name)
        if value is not None and (not isinstance(value, str) or not 0 < len(value) <= _LONGEST):
            self.refuse(name, f"must be a text of 1 to {_LONGEST} characters")
            return None
        return value

    def flag(self, name: str, default: bool) -> bool:
        """Return a boolean."""
        value = self._value(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.refuse(name, "must be true or false")
            return default
        return value

    def choice(self, name: str, choices: type[C], default: C) -> C:
        """Return one of a set of texts."""
        value = self._value(name)
        if value is None:
            return default
        try:
            return choices(value)
        except ValueError:
            self.refuse(name, f"must be one of {', '.join(choices)}")
            return default

    def span(self, name: str) -> timedelta | None:
        """Return a span of time such as `90s` or `30d`; a bare number counts seconds."""
        value = self._value(name)
        if value is None:
            return None
        # A signed number, a fraction, a list or a boolean is not a valid span.
        written = str(value) if type(value) in (str, int) else ""
        try:
            return read_timedelta(written)
        except ValueError as exc:
            self.refuse(name, str(exc))
            return None

    def texts(self, name: str, most: int) -> tuple[str, ...]:
        """Return a list of texts."""
        value = self._value(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
            self.refuse(name, "must be a list of texts")
            return ()
        if len(value) > most:
            self.refuse(name, f"must not have more than {most} entries")
        return tuple(_each_once(value))

    def _value(self, name: str) -> Any:
        return self._members[name].plain() if name in self._members else None

    def _mapping(self) -> dict[str, Node]:
        node = self._entry.node
        for part in self._path:
            node = node.value.get(part, Node(None, node.line)) if isinstance(node.value, dict) else node
        if isinstance(node.value, dict):
            return node.value
        if node.value is not None:
            self.problems.append(self._entry.problem("must be a mapping", *self._path))
        return {}


def _each_once(values: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(values)

"""Read YAML strictly, with the line of each value: a file must not cost or mean more than is visible.

Only the types of JSON are read, by the rules of YAML 1.2, in which `no` and `1:30` are texts. Aliases and
tags are refused, so that a document cannot grow while it is read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml

from provider.configuration.problems import ConfigurationProblem, InvalidConfiguration

MOST_BYTES = 8 * 1024 * 1024
MOST_NODES = 1_000_000
DEEPEST = 20
_LONGEST_TEXT = 64 * 1024
_INT = re.compile(r"[-+]?[0-9]{1,15}")
# No database stores these characters, and quotes can hide them.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
# The parser of libyaml is ten times as fast.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Value: TypeAlias = "str | int | bool | list[Node] | dict[str, Node] | None"


@dataclass(frozen=True, slots=True)
class Node:
    """A value, and the line of its key or, without a key, of the value."""

    value: Value
    line: int

    def plain(self) -> Any:
        """Return the value without its lines."""
        match self.value:
            case list():
                return [one.plain() for one in self.value]
            case dict():
                return {name: one.plain() for name, one in self.value.items()}
        return self.value

    def line_of(self, *path: str) -> int:
        """Return the line of a member, or that of its nearest parent that exists."""
        if not path or not isinstance(self.value, dict) or path[0] not in self.value:
            return self.line
        return self.value[path[0]].line_of(*path[1:])


def read(text: str, file: str) -> Node:
    """Return the document of a file. Raises InvalidConfiguration.

    All duplicate keys are reported together; an error that makes the file unreadable is reported alone.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise InvalidConfiguration([ConfigurationProblem(file, 1, "", f"is larger than {MOST_BYTES} bytes")])
    reader = _Reader(file)
    try:
        node = reader.document(yaml.parse(text, Loader=_LOADER))
    except yaml.YAMLError as exc:
        raise InvalidConfiguration([ConfigurationProblem(file, *_described(exc))]) from exc
    if reader.problems:
        raise InvalidConfiguration(reader.problems)
    return node


def _line_of(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _described(exc: yaml.YAMLError) -> tuple[int, str, str]:
    mark = getattr(exc, "problem_mark", None)
    why = getattr(exc, "problem", None) or getattr(exc, "reason", None) or "unreadable characters"
    return (mark.line + 1 if mark else 1), "", f"is not YAML: {why}"


class _Reader:
    """Builds nodes from the parser's events, without recursion deeper than a document may be."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._nodes = 0
        self.problems: list[ConfigurationProblem] = []

    def document(self, events: Iterator[yaml.Event]) -> Node:
        """Return the only document among the events."""
        found: list[Node] = []
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent) and found:
                raise self._refused(event, "there is a second document; a file has one")
            if isinstance(event, yaml.NodeEvent):
                found.append(self._node(event, events, 0))
        return found[0] if found else Node(None, 1)

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
        self._check(event, depth)
        line = _line_of(event)
        match event:
            case yaml.ScalarEvent():
                return Node(self._scalar(event), line)
            case yaml.SequenceStartEvent():
                return Node(self._sequence(events, depth), line)
        return Node(self._mapping(events, depth), line)

    def _check(self, event: yaml.Event, depth: int) -> None:
        self._nodes += 1
        if self._nodes > MOST_NODES or depth > DEEPEST:
            raise self._refused(event, f"there are more than {MOST_NODES} values, or {DEEPEST} levels")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self._refused(event, "anchors and aliases are not supported; write the value out")
        if getattr(event, "tag", None) not in (None, "!"):
            raise self._refused(event, "tags are not supported")

    def _scalar(self, event: yaml.ScalarEvent) -> Value:
        text: str = event.value
        if len(text) > _LONGEST_TEXT:
            raise self._refused(event, f"a text is longer than {_LONGEST_TEXT} characters")
        if _UNSTORABLE.search(text):
            raise self._refused(event, "a text has NUL or an unpaired surrogate")
        if event.style is not None and event.style != "":
            return text
        if text in _NULL:
            return None
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        return int(text) if _INT.fullmatch(text) else text

    def _sequence(self, events: Iterator[yaml.Event], depth: int) -> list[Node]:
        found: list[Node] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            found.append(self._node(event, events, depth + 1))
        return found

    def _mapping(self, events: Iterator[yaml.Event], depth: int) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            self._check(event, depth + 1)
            if not isinstance(event, yaml.ScalarEvent):
                raise self._refused(event, "a key must be a text")
            line = _line_of(event)
            value = self._node(next(events), events, depth + 1)
            if event.value in found:
                known = found[event.value].line
                self.problems.append(
                    ConfigurationProblem(self._file, line, event.value, f"is there already, in line {known}")
                )
            else:
                found[event.value] = Node(value.value, line)
        return found

    def _refused(self, event: yaml.Event, sentence: str) -> InvalidConfiguration:
        return InvalidConfiguration([ConfigurationProblem(self._file, _line_of(event), "", sentence)])

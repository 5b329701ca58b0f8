"""The objects described in files, read as far as possible without a database."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from provider.configuration import document, policies
from provider.configuration.document import Node
from provider.configuration.policies import StatedPolicies
from provider.configuration.problems import ConfigurationProblem, InvalidConfiguration

VERSION = "curfew/v1"
# A name is used in hashes, audit entries and messages.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LONGEST_KEY = 2000
_MEMBERS = ("apiVersion", "configuration", policies.SECTION, "clients", "resources", "roles")


class Kind(StrEnum):
    """A kind of object that a configuration may own."""

    CLIENT = "client"
    RESOURCE = "resource"
    ROLE = "role"


_SECTIONS = {"clients": Kind.CLIENT, "resources": Kind.RESOURCE, "roles": Kind.ROLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One object of a file."""

    kind: Kind
    key: str
    # The configuration that will own it.
    owner: str
    file: str
    node: Node

    def problem(self, sentence: str, *path: str, name: str | None = None) -> ConfigurationProblem:
        """Return a problem with the object, or with the member at a path below it."""
        shown = ".".join((f"{self.kind} {self.key}", *path, *((name,) if name else ())))
        return ConfigurationProblem(self.file, self.node.line_of(*path), shown, sentence)


@dataclass(slots=True)
class Files:
    """The content of all files of one command."""

    owners: set[str] = field(default_factory=set)
    entries: dict[tuple[Kind, str], Entry] = field(default_factory=dict)
    policies: list[StatedPolicies] = field(default_factory=list)

    def of(self, kind: Kind) -> dict[str, Entry]:
        """Return the objects of a kind by their keys."""
        return {key: entry for (one, key), entry in self.entries.items() if one is kind}


def read_files(paths: Sequence[Path]) -> Files:
    """Read all files. Raises InvalidConfiguration with the problems of all of them."""
    files = Files()
    problems: list[ConfigurationProblem] = []
    for path in paths:
        try:
            problems += _add(files, str(path), document.read(_text_of(path), str(path)))
        except InvalidConfiguration as exc:
            problems += exc.problems
    if problems:
        raise InvalidConfiguration(problems)
    return files


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(document.MOST_BYTES + 1).decode()
    except OSError as exc:
        raise _unreadable(path, f"cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise _unreadable(path, "is not UTF-8") from exc


def _unreadable(path: Path, sentence: str) -> InvalidConfiguration:
    return InvalidConfiguration([ConfigurationProblem(str(path), 1, "", sentence)])


def _add(files: Files, file: str, root: Node) -> Iterator[ConfigurationProblem]:
    if not isinstance(root.value, dict):
        yield ConfigurationProblem(file, root.line, "", "must be a mapping with apiVersion and configuration")
        return
    members = root.value
    yield from _problems_of_members(file, members)
    owner = members["configuration"].value if "configuration" in members else None
    if not isinstance(owner, str) or not _NAME.fullmatch(owner):
        return
    files.owners.add(owner)
    if policies.SECTION in members:
        files.policies.append(StatedPolicies(file=file, node=members[policies.SECTION]))
    for section, kind in _SECTIONS.items():
        if section in members:
            yield from _add_section(files, file, owner, kind, section, members[section])


def _problems_of_members(file: str, members: Mapping[str, Node]) -> Iterator[ConfigurationProblem]:
    version, owner = members.get("apiVersion"), members.get("configuration")
    if version is None or version.value != VERSION:
        line = version.line if version else 1
        yield ConfigurationProblem(file, line, "apiVersion", f"must be {VERSION}")
    if owner is None or not isinstance(owner.value, str) or not _NAME.fullmatch(owner.value):
        line = owner.line if owner else 1
        yield ConfigurationProblem(
            file, line, "configuration", "must name the owner of these objects: 1 to 64 of a-z 0-9 . _ -"
        )
    for name, node in members.items():
        if name not in _MEMBERS:
            known = ", ".join(_MEMBERS)
            yield ConfigurationProblem(file, node.line, name, f"is not known; there are {known}")


def _add_section(
    files: Files, file: str, owner: str, kind: Kind, section: str, node: Node
) -> Iterator[ConfigurationProblem]:
    if node.value is None:
        return
    if not isinstance(node.value, dict):
        yield ConfigurationProblem(file, node.line, section, "must be a mapping from keys to objects")
        return
    for key, value in node.value.items():
        entry = Entry(kind=kind, key=key, owner=owner, file=file, node=value)
        known = files.entries.setdefault((kind, key), entry)
        if known is not entry:
            yield entry.problem(f"is described already, in {known.file}:{known.node.line}")
        elif not key or len(key) > _LONGEST_KEY:
            yield entry.problem(f"must have a key of 1 to {_LONGEST_KEY} characters")

"""Compare files with the database: which objects would change, how, and what people or apps would lose.

DEC-23: a plan's hash covers the changes and the state they start from, so that it identifies exactly what was
reviewed. The counts of what would end are shown but not hashed: sessions begin and end during the review.
"""

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from provider.configuration import policies
from provider.configuration.clients import ClientObjects
from provider.configuration.entries import Entry, Files, Kind
from provider.configuration.kinds import Done, ObjectKind, Target
from provider.configuration.problems import ConfigurationProblem, InvalidConfiguration
from provider.configuration.resources import ResourceObjects
from provider.configuration.roles import RoleObjects
from provider.infrastructure import current, owned_objects

_LABEL = "configuration-plan"
# Clients first, because resource servers may name them; removals follow in the opposite order.
KINDS: tuple[ObjectKind, ...] = (ClientObjects(), ResourceObjects(), RoleObjects())


class Action(StrEnum):
    """The change of an object."""

    CREATE = "create"
    UPDATE = "update"
    # Only the owner changes.
    ADOPT = "adopt"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The changes that the operator permits beyond the files."""

    prune: bool = False
    # Take over objects that no configuration owns.
    adopt: bool = False
    # Take over objects of these configurations.
    adopt_from: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The change of one object."""

    kind: Kind
    key: str
    action: Action
    owner: str
    # The owner before, where the object exists.
    owner_before: str | None
    # Old and new value of each field that changes.
    fields: dict[str, tuple[Any, Any]]
    dangers: list[str]
    act: Callable[[], Done | None] = field(repr=False)
    hidden: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """The object's name in messages and in the audit."""
        return f"{self.kind} {self.key}"

    @property
    def takes_over(self) -> bool:
        """Whether the object gets another owner."""
        return self.action is not Action.REMOVE and self.owner_before not in (None, self.owner)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that applying the files would change, in the order in which it happens."""

    changes: list[Change]
    owners: tuple[str, ...]
    # Objects that match the files, though none of their configurations owns them.
    unowned: list[str]
    # Objects that the configurations own but the files no longer describe; only `prune` removes them.
    left: list[str]
    unchanged: int

    @property
    def hash(self) -> str:
        """A digest of the changes and their starting state, with a key that only this installation has."""
        said = [
            [one.kind, one.key, one.action, one.owner, one.owner_before, one.fields, one.hidden]
            for one in self.changes
        ]
        text = json.dumps([self.owners, said], sort_keys=True, separators=(",", ":"))
        return current.secret_box().keyed_digest(_LABEL, text)


@dataclass(slots=True)
class _Found:
    """The changes of the objects of one kind."""

    changes: list[Change] = field(default_factory=list)
    removals: list[Change] = field(default_factory=list)
    unowned: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    problems: list[ConfigurationProblem] = field(default_factory=list)
    unchanged: int = 0


def make(files: Files, asked: Asked, *, lock: bool = False) -> Plan:
    """Compare files with the database, and their policies with the settings in force.

    Raises InvalidConfiguration with all problems of all files.

    With `lock` the rows stay locked until the commit, so that the plan stays true in the open transaction.
    """
    problems = [problem for stated in files.policies for problem in policies.problems_of(stated)]
    found = [_of_kind(kind, files, asked, lock=lock) for kind in KINDS]
    problems += [problem for one in found for problem in one.problems]
    if problems:
        raise InvalidConfiguration(problems)
    removals = [change for one in reversed(found) for change in one.removals]
    return Plan(
        changes=[change for one in found for change in one.changes] + removals,
        owners=tuple(sorted(files.owners)),
        unowned=[name for one in found for name in one.unowned],
        left=[name for one in found for name in one.left],
        unchanged=sum(one.unchanged for one in found),
    )


def check_reachable(plan: Plan, files: Files) -> None:
    """Run the checks that need the network, with no transaction open. Raises InvalidConfiguration."""
    problems: list[ConfigurationProblem] = []
    for kind in KINDS:
        keys = [one.key for one in plan.changes if one.kind is kind.kind and one.action is not Action.REMOVE]
        rows = kind.find(keys, lock=False)
        for key in keys:
            try:
                kind.check_reachable(files.entries[kind.kind, key], rows.get(key))
            except InvalidConfiguration as exc:
                problems += exc.problems
    if problems:
        raise InvalidConfiguration(problems)


def _of_kind(kind: ObjectKind, files: Files, asked: Asked, *, lock: bool) -> _Found:
    entries, found = files.of(kind.kind), _Found()
    rows = kind.find(entries, lock=lock)
    owners = owned_objects.owners_of(kind.kind, [row.id for row in rows.values()])
    seen: dict[UUID, str] = {}
    for key, entry in entries.items():
        row = rows.get(key)
        if row is not None and (twin := seen.setdefault(row.id, key)) != key:
            found.problems.append(entry.problem(f"is the same as {twin}"))
            continue
        try:
            target = kind.read(entry, row, files)
        except InvalidConfiguration as exc:
            found.problems += exc.problems
            continue
        _compare(kind, entry, row, target, owners, asked, found)
    # Harmless changes come first: a new administrator gets the role before the last one loses it.
    found.changes.sort(key=lambda one: bool(one.dangers))
    owned = owned_objects.list_owned(kind.kind, files.owners)
    gone = kind.find_owned(owned.keys() - seen.keys(), lock=lock)
    for key, row in sorted(gone.items()):
        if asked.prune:
            found.removals.append(_removal(kind, key, row, owned[row.id]))
        else:
            found.left.append(f"{kind.kind} {key}")
    return found


def _compare(
    kind: ObjectKind,
    entry: Entry,
    row: Any | None,
    target: Target,
    owners: dict[UUID, str],
    asked: Asked,
    found: _Found,
) -> None:
    state = kind.state_of(row) if row is not None else {}
    # Of a new object, only the fields that differ from the defaults are shown.
    fields = dict(_differences(state or kind.usual, target.state)) | dict(target.more)
    if not state:
        fields = {name: (None, new) for name, (_, new) in fields.items()}
    owner = owners.get(row.id) if row is not None and state else None
    if state and owner != entry.owner and not _may_take(owner, asked):
        if owner is None and not fields:
            found.unowned.append(f"{entry.kind} {entry.key}")
        else:
            found.problems.append(entry.problem(_refusal(owner)))
        return
    if state and not fields and owner == entry.owner:
        found.unchanged += 1
        return
    action = Action.CREATE if not state else Action.UPDATE if fields else Action.ADOPT
    found.changes.append(
        Change(
            kind=entry.kind,
            key=entry.key,
            action=action,
            owner=entry.owner,
            owner_before=(owner or "") if state else None,
            fields=fields,
            dangers=kind.dangers(row, target) if state and fields else [],
            act=target.act,
            hidden=target.hidden,
        )
    )


def _may_take(owner: str | None, asked: Asked) -> bool:
    return asked.adopt if owner is None else owner in asked.adopt_from


def _refusal(owner: str | None) -> str:
    if owner is None:
        return "was made by hand and is not as the file says; --adopt takes it over and changes it"
    return f"is owned by the configuration {owner}; --adopt-from {owner} takes it over"


def _removal(kind: ObjectKind, key: str, row: Any, owner: str) -> Change:
    def act() -> None:
        kind.remove(row)
        owned_objects.release(kind.kind, row.id)

    return Change(
        kind=kind.kind,
        key=key,
        action=Action.REMOVE,
        owner=owner,
        owner_before=owner,
        fields={name: (value, None) for name, value in kind.state_of(row).items()},
        dangers=kind.dangers_of_removal(row),
        act=act,
    )


def _differences(before: Any, after: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Yield each name whose value changes; empty values of any type count as equal."""
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old != new and not (_is_nothing(old) and _is_nothing(new)):
            yield name, (old, new)


def _is_nothing(value: object) -> bool:
    return value is None or value == "" or value == []


def names_of(changes: Collection[Change], action: Action) -> list[str]:
    """Return the names of the objects with one action."""
    return [one.name for one in changes if one.action is action]

"""The tests of each rule: `python -m tests.spec_report` writes docs/reference/specification.md anew.

The rules stand in docs/specification_rules.txt; tests name them by their ids: `@pytest.mark.spec("core 2")`.
The marks are read from the source, for that takes a moment where collecting all tests takes many.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RULES = ROOT / "docs" / "specification_rules.txt"
REPORT = ROOT / "docs" / "reference" / "specification.md"
# A mark names a numbered rule, a section of a specification, or an id that docs/design defines.
NUMBERED = re.compile(r"[a-z][\w -]* [0-9]+")
SECTION = re.compile(r"(?:(?P<name>[A-Za-z][\w -]*?) )?§(?P<number>[0-9]+(?:\.[0-9]+)*)(?: \([0-9]+\))?")
OWN_ID = re.compile(r"[A-Z]{3}-[0-9]{2,4}(?: to [A-Z]{3}-[0-9]{2,4})?")


class WrongMark(ValueError):
    """A mark that names nothing."""


@dataclass(frozen=True, kw_only=True)
class Marked:
    """A test and one thing that its marks name, such as `core 2`."""

    file: str
    test: str
    names: str


@dataclass(kw_only=True)
class Rule:
    """One rule of the list."""

    id: str
    group: str
    sections: tuple[str, ...]
    sentence: str
    reason: str = ""
    tests: list[Marked] = field(default_factory=list)

    @property
    def is_numbered(self) -> bool:
        """Whether several rules may share a section, so that a mark has to name this one by its id."""
        return bool(NUMBERED.fullmatch(self.id))

    def is_held_by(self, marked: Marked) -> bool:
        """Return whether the mark names this rule, or, where the rule is a section, it or a part of it."""
        if self.is_numbered:
            return marked.names == self.id
        return is_below(marked.names, self.sections)


def is_below(name: str, sections: Iterable[str]) -> bool:
    """Return whether a name is one of the sections or part of one; a section may be a whole specification."""
    return any(name == section or name.startswith((f"{section}.", f"{section} §")) for section in sections)


def read_rules() -> list[Rule]:
    """Read the list, without tests."""
    rules: list[Rule] = []
    group = ""
    for line in RULES.read_text().splitlines():
        if line.startswith("= "):
            group = line[2:]
        elif line.startswith("    ! "):
            rules[-1].reason = line[6:]
        elif line and not line.startswith("#"):
            rules.append(_rule(group, *line.split(" | ")))
    return rules


def _rule(group: str, name: str, sections: str, sentence: str) -> Rule:
    own = SECTION.fullmatch(name)
    usual = own["name"] if own and own["name"] else re.split(r" (?:OP|RP|[0-9])", name)[0]
    named = (usual,) if sections == "*" else tuple(named_in(sections, usual))
    return Rule(id=name, group=group, sections=named, sentence=sentence)


def named_in(text: str, name: str = "") -> Iterator[str]:
    """Yield what a text names, one by one; a section without a name is of the specification before it."""
    for part in text.split(", "):
        found = SECTION.fullmatch(part)
        if found:
            name = found["name"] or name
        if not (OWN_ID.fullmatch(part) or NUMBERED.fullmatch(part) or (found and name)):
            raise WrongMark(f"{part!r} is neither a rule, a section nor an id")
        yield f"{name} §{found['number']}" if found else part


@cache
def marked_tests() -> tuple[Marked, ...]:
    """Return all that tests are marked with, by file and name."""
    files = sorted((ROOT / "tests").glob("*/test_*.py"))
    return tuple(marked for file in files for marked in _marked_in(file))


def _marked_in(file: Path) -> Iterator[Marked]:
    tree = ast.parse(file.read_text())
    path = str(file.relative_to(ROOT / "tests"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield from _named(node.decorator_list, path, node.name)
    # Marks of the whole file, and of cases in tables beside the tests.
    yield from _named([node for node in tree.body if isinstance(node, ast.Assign)], path, "")


def _named(nodes: Sequence[ast.AST], path: str, test: str) -> Iterator[Marked]:
    for mark in _marks(nodes):
        for name in named_in(mark):
            yield Marked(file=path, test=test, names=name)


def _marks(nodes: Sequence[ast.AST]) -> Iterator[str]:
    for node in (below for above in nodes for below in ast.walk(above)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "spec":
            yield from (str(ast.literal_eval(argument)) for argument in node.args)


def rules_with_tests() -> list[Rule]:
    """Return the rules, each with the tests that hold it."""
    rules = read_rules()
    for rule in rules:
        rule.tests = [marked for marked in marked_tests() if rule.is_held_by(marked)]
    return rules


def unknown_marks() -> dict[str, list[str]]:
    """Return what tests name and no rule is, each with the rules that may be meant."""
    rules = read_rules()
    names = {marked.names for marked in marked_tests() if not OWN_ID.fullmatch(marked.names)}
    known = {rule.id for rule in rules if rule.is_numbered}
    sections = {section for rule in rules if not rule.is_numbered for section in rule.sections}
    return {
        name: [rule.id for rule in rules if is_below(name, rule.sections)]
        for name in names
        if name not in known and not is_below(name, sections)
    }


def report() -> str:
    """Return the page."""
    rules = rules_with_tests()
    lines = [
        "# Rules of the specifications, and the tests that hold them",
        "",
        "Made by `python -m tests.spec_report` of `docs/specification_rules.txt` and the tests' marks.",
    ]
    for group in dict.fromkeys(rule.group for rule in rules):
        lines += ["", f"## {group}", "", "| rule | what it says | tests |", "|---|---|---|"]
        lines += [_row(rule) for rule in rules if rule.group == group]
    without = [rule for rule in rules if not rule.tests]
    lines += ["", "## Rules without a test", ""]
    lines += [f"- `{rule.id}`: {rule.sentence} – {rule.reason or 'UNPROVED'}" for rule in without]
    return "\n".join(lines) + "\n"


def _row(rule: Rule) -> str:
    files: dict[str, int] = {}
    for marked in rule.tests:
        files[marked.file] = files.get(marked.file, 0) + 1
    tests = ", ".join(f"{file.removesuffix('.py')} {count}" for file, count in sorted(files.items()))
    where = ", ".join(rule.sections)
    return f"| `{rule.id}` ({where}) | {rule.sentence} | {tests or '–'} |"


if __name__ == "__main__":
    REPORT.write_text(report())

"""Which test holds which rule: `python -m tests.spec_report` writes docs/reference/specification.md anew.

The rules stand in docs/specification_rules.txt; tests name them by `@pytest.mark.spec("core §3.1.2.1")`.
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
# One thing that a mark names: a section, or an id of our own lists of threats, abuses, decisions and so on.
SECTION = re.compile(r"(?:(?P<name>[A-Za-z][\w -]*?) )?§(?P<number>[0-9]+(?:\.[0-9]+)*)(?: \([0-9]+\))?")
OWN_ID = re.compile(r"[A-Z]{3}-[0-9]{2,4}(?: to [A-Z]{3}-[0-9]{2,4})?")


class WrongMark(ValueError):
    """A mark that names nothing."""


@dataclass(frozen=True, kw_only=True)
class Marked:
    """A test and one thing that its marks name, such as `core §3.1.2.1`."""

    file: str
    test: str
    words: str
    names: str


@dataclass(kw_only=True)
class Rule:
    """One rule of the list."""

    id: str
    group: str
    sections: tuple[str, ...]
    sentence: str
    words: str
    reason: str = ""
    tests: list[Marked] = field(default_factory=list)

    def is_held_by(self, marked: Marked) -> bool:
        """Whether the mark names a section of this rule, or one below it, and the test is about it."""
        is_about = bool(re.search(self.words, marked.words, re.DOTALL))
        return is_about and is_below(marked.names, self.sections)


def is_below(name: str, sections: Iterable[str]) -> bool:
    """Whether a name is one of the sections or a part of one; a section may be a whole specification."""
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


def _rule(group: str, name: str, sections: str, sentence: str, words: str = "") -> Rule:
    own = SECTION.fullmatch(name)
    usual = own["name"] if own and own["name"] else re.split(r" (?:OP|RP|[0-9])", name)[0]
    named = (usual,) if sections == "*" else tuple(named_in(sections, usual))
    return Rule(id=name, group=group, sections=named, sentence=sentence, words=words)


def named_in(text: str, name: str = "") -> Iterator[str]:
    """Yield what a mark names, one by one; a section without a name is of the specification before it."""
    for part in text.split(", "):
        found = SECTION.fullmatch(part)
        if found:
            name = found["name"] or name
        if not OWN_ID.fullmatch(part) and not (found and name):
            raise WrongMark(f"{part!r} is neither a section nor an id")
        yield f"{name} §{found['number']}" if found else part


@cache
def marked_tests() -> tuple[Marked, ...]:
    """Return all that tests are marked with, by file and name."""
    files = sorted((ROOT / "tests").glob("*/test_*.py"))
    return tuple(marked for file in files for marked in _marked_in(file))


def _marked_in(file: Path) -> Iterator[Marked]:
    tree = ast.parse(file.read_text())
    path = str(file.relative_to(ROOT / "tests"))
    tables = {
        target.id: node
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            words = " ".join([path, node.name, *_cases(node, tables)])
            yield from _named(node.decorator_list, path, node.name, words)
    for table in tables.values():
        # A mark of the whole file, or of a case in a table beside the tests.
        yield from _named([table], path, "", ast.unparse(table))


def _cases(test: ast.FunctionDef, tables: dict[str, ast.Assign]) -> Iterator[str]:
    """Yield what the decorators of a test say, and the tables that they name."""
    for decorator in test.decorator_list:
        yield ast.unparse(decorator)
        for node in ast.walk(decorator):
            if isinstance(node, ast.Name) and node.id in tables:
                yield ast.unparse(tables[node.id])


def _named(nodes: Sequence[ast.AST], path: str, test: str, words: str) -> Iterator[Marked]:
    for mark in _marks(nodes):
        for name in named_in(mark):
            yield Marked(file=path, test=test, words=words, names=name)


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


def unknown_marks() -> set[str]:
    """Return the sections that tests name and no rule knows."""
    known = {section for rule in read_rules() for section in rule.sections}
    return {
        marked.names
        for marked in marked_tests()
        if not OWN_ID.fullmatch(marked.names) and not is_below(marked.names, known)
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

"""docs/design/architecture.md says which rooms and files there are, and how they follow each other."""

import ast
import re

import pytest

from tests.architecture.design_ids import DESIGN
from tests.architecture.sources import ROOT, imports_of, trees

PAGE = (DESIGN / "architecture.md").read_text()
# A request arrives here.
EDGES = ("provider/endpoints/", "provider/pages/", "provider/worker/")
JOURNEYS = {
    heading: (int(count), re.findall(r"^\d+\. `([^`]+)`: ", part, re.MULTILINE))
    for heading, count, part in re.findall(
        r"^### ([\w-]+): (\d+) files\n(.*?)(?=^### |\Z)", PAGE, re.MULTILINE | re.DOTALL
    )
}
# The rooms hand these to one another as functions, so that a lower one does not import an upper one.
HANDED_OVER = {
    "provider/logout/notification/logout_token.py",
    "provider/delivery/outbox.py",
    "provider/infrastructure/outbound/client.py",
}


def imported_by(path: str) -> set[str]:
    """The files that a file imports, whether it names the module or something in it."""
    tree = trees("provider")[path]
    names = set(imports_of(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {f"{name.replace('.', '/')}.py" for name in names}


def test_the_six_journeys_are_listed():
    assert list(JOURNEYS) == ["Sign-in", "Sign-out", "Refresh", "Device", "Registration", "Delivery"]


@pytest.mark.parametrize("journey", JOURNEYS)
def test_the_files_of_a_journey_exist_and_are_counted(journey):
    count, files = JOURNEYS[journey]

    assert [path for path in files if not (ROOT / path).is_file()] == []
    assert count == len(set(files)) == len(files)


@pytest.mark.parametrize("journey", JOURNEYS)
def test_each_file_of_a_journey_is_reached_from_another_one(journey):
    files = JOURNEYS[journey][1]

    reached = set().union(*(imported_by(path) for path in files)) | HANDED_OVER
    assert [path for path in files if path not in reached and not path.startswith(EDGES)] == []


def test_every_room_is_described():
    described = re.findall(r"^\| `(\w+)` \| ", PAGE, re.MULTILINE)

    rooms = {path.parent.name for path in (ROOT / "provider").glob("*/__init__.py")}
    assert sorted(described) == sorted(rooms)


def test_the_sections_that_comments_cite_exist():
    sections = set(re.findall(r"^## (\d+)\. ", PAGE, re.MULTILINE))

    cited = {
        number
        for folder in ("provider", "tests")
        for path in (ROOT / folder).rglob("*.py")
        for number in re.findall(r"design §(\d+)", path.read_text())
    }
    assert cited <= sections

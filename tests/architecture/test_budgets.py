"""A function has 50 lines at the most, a file 300; where it is more, something wants a name (conventions)."""

import ast

import pytest

from tests.architecture.sources import PACKAGES, ROOT, trees

FILE_LINES = 300
FUNCTION_LINES = 50
INSTALLED = {"node_modules", "__pycache__"}


@pytest.mark.parametrize("package", PACKAGES)
def test_files_are_short_enough(package):
    lengths = {path: (ROOT / path).read_text().count("\n") for path in trees(package)}

    assert {path: length for path, length in lengths.items() if length > FILE_LINES} == {}


def test_files_of_tests_are_short_enough():
    ours = [path.relative_to(ROOT) for path in (ROOT / "tests").rglob("*.py")]
    # The clients and proxies of others are installed below tests/interop, in folders that are not ours.
    ours = [
        path for path in ours if not any(part in INSTALLED or part.startswith(".") for part in path.parts)
    ]
    lengths = {str(path): (ROOT / path).read_text().count("\n") for path in ours}

    assert {path: length for path, length in lengths.items() if length > FILE_LINES} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_functions_are_short_enough(package):
    too_long = {
        f"{path}: {node.name}": length_of(node)
        for path, tree in trees(package).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and length_of(node) > FUNCTION_LINES
    }

    assert too_long == {}


def length_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert node.end_lineno
    return node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("package", PACKAGES)
def test_every_room_opens_with_its_charter(package):
    without = {
        path
        for path, tree in trees(package).items()
        if path.endswith("__init__.py") and not ast.get_docstring(tree)
    }

    assert without == set()

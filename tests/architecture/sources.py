"""The source files of the packages as syntax trees."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("provider", "demo", "relying_party_demo", "kit/curfew_rp")


@cache
def trees(package: str) -> dict[str, ast.Module]:
    """Each file of a package by its path from the project's folder."""
    files = sorted((ROOT / package).rglob("*.py"))
    return {str(file.relative_to(ROOT)): ast.parse(file.read_text()) for file in files}


@cache
def imports_of(tree: ast.Module) -> tuple[str, ...]:
    """The names of the modules that a file imports, however late."""
    return tuple(_imports_of(tree))


def _imports_of(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module

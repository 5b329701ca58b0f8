"""The demo imports nothing of the provider; what it knows came over HTTP."""

import ast
from pathlib import Path

import relying_party_demo


def test_it_imports_nothing_of_the_provider():
    files = sorted(Path(relying_party_demo.__file__).parent.rglob("*.py"))
    imported = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.split(".")[0])

    assert files
    assert "provider" not in imported

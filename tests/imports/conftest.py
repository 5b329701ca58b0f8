"""The command on a database, and files of other products."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import curfew, looking, own_sqlite  # noqa: F401 – fixtures.


@pytest.fixture
def export(tmp_path):
    """Writes an export and returns its path."""

    def write(content: object, name: str = "export.json") -> Path:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write

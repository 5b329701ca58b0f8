"""A data folder as `curfew db upgrade` leaves it, made once by a process of the test run."""

import subprocess
from pathlib import Path

import pytest

from demo.processes import own_environment
from tests.support.demo import CURFEW


@pytest.fixture(scope="session")
def prepared_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder to copy; starting the command for each provider takes longer than many a test."""
    folder = tmp_path_factory.mktemp("prepared") / "data"
    environ = own_environment(CURFEW_DATA_DIR=str(folder))
    subprocess.run([CURFEW, "db", "upgrade"], env=environ, check=True, capture_output=True)
    return folder

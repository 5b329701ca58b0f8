"""A data folder as `curfew db upgrade` leaves it, made once by a process of the test run."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from demo.processes import own_environment
from provider.cli import main
from provider.infrastructure import event_log


@pytest.fixture(scope="session")
def prepared_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder to copy; starting the command for each provider takes longer than many a test."""
    folder = tmp_path_factory.mktemp("prepared") / "data"
    done = CliRunner().invoke(main, ["db", "upgrade"], env=own_environment(CURFEW_DATA_DIR=str(folder)))
    # The command has sent the log of this process to a stream of its own.
    event_log.configure("INFO")
    assert done.exit_code == 0, done.output
    return folder

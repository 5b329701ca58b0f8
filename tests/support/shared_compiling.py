"""A share of the test files for each process of a run, which it imports before it collects.

pytest compiles test files in its own way and keeps the result beside them. Without shares, processes that
collect at the same time compile the same files at the same time, and none profits from another.
"""

import importlib
from contextlib import suppress
from pathlib import Path

import pytest


def import_share(config: pytest.Config) -> None:
    """Import every n-th test file, if this is one of n processes that are about to collect all of them."""
    if not hasattr(config, "workerinput") or config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    processes = config.workerinput["workercount"]
    first = int(config.workerinput["workerid"].removeprefix("gw"))
    files = sorted(file for folder in config.args for file in Path(folder).rglob("test_*.py"))
    for file in files[first::processes]:
        # What fails here is imported once more, and reported, when it is collected.
        with suppress(Exception, pytest.skip.Exception):
            importlib.import_module(".".join(file.with_suffix("").parts))

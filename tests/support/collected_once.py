"""The processes of a whole test run, forked by one that has collected all tests.

Each of them would otherwise import the same files and collect the same tests, which takes ten seconds of CPU.
pytest-xdist starts `fork_server.CLIENT` in place of Python, which calls `forked_session`.
"""

import shlex
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import execnet
import pytest

from tests.support.fork_server import CLIENT


def collect_once(config: pytest.Config, specs: list[execnet.XSpec]) -> None:
    """If all tests are to run, have pytest-xdist call a process that has collected them and forks."""
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    command = _collect(config)
    for spec in specs:
        spec.python = shlex.quote(str(command))
    config.pluginmanager.register(_Commanding())


class _Commanding:
    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_getremotemodule(self) -> str:
        """Command the session that has collected; pytest-xdist's own module begins another one."""
        return "import __main__\n__main__.hand_over(channel)"


def _collect(config: pytest.Config) -> Path:
    folder = TemporaryDirectory(prefix="curfew-tests-")
    config.add_cleanup(folder.cleanup)
    address = Path(folder.name) / "socket"
    command = _write_command(Path(folder.name), address)
    arguments = [str(argument) for argument in config.invocation_params.args]
    collecting = subprocess.Popen(
        [sys.executable, "-m", "tests.support.forked_session", str(address), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    # It ends when its standard input does, after the processes that it has forked.
    config.add_cleanup(lambda: collecting.__exit__(None, None, None))
    assert collecting.stdout
    if collecting.stdout.readline() != b"ready\n":
        raise pytest.UsageError("the process that collects the tests has failed")
    return command


def _write_command(folder: Path, address: Path) -> Path:
    client, command = folder / "client", folder / "python"
    client.write_text(CLIENT.format(python=sys.executable, address=address))
    # After Ctrl-C the forked process ends its session, and would leave at once if its caller did.
    command.write_text(f"#!/bin/sh\ntrap '' INT\nexec {shlex.quote(str(client))} \"$@\"\n")
    for file in (client, command):
        file.chmod(0o755)
    return command

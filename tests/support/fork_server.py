"""Commands without their start-up time: one process loads a program and forks for each call.

A second of CPU for each of a hundred calls would be most of what some tests cost. `python -m
tests.support.fork_server PROGRAM SOCKET` serves; `CLIENT` is the command that calls it, with the caller's
arguments, environment, folder and streams. The exit code is that of the program, or 99 if it failed
otherwise. A program whose caller is gone ends at once.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Tests with `curfew_commands` belong to it.
QUICK_COMMANDS = pytest.mark.xdist_group("commands")
ROOT = Path(__file__).parents[2]
CLIENT = """\
#!{python} -IS
import json, os, socket, sys
call = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
call.connect("{address}")
said = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()])
socket.send_fds(call, [said.encode()], [0, 1, 2])
sys.exit(int(call.recv(8) or 99))
"""
LONGEST_CALL = 200_000
FAILED = 99
Program = Callable[[], object]


def load_curfew() -> Program:
    """Load the command with all of its subcommands, and what its servers and workers import by themselves."""
    from provider.command import import_web
    from tests.cli.test_examples import COMMANDS

    assert COMMANDS, "reading the tree of commands loads each of them"
    import_web()
    return load_release()


def load_release() -> Program:
    """Load the command, of this checkout or of another release, by what all of them have."""
    import granian.server
    from celery import Celery
    from celery.worker import state

    from provider import app
    from provider.command import main
    from provider.worker import metrics_server, process

    assert all((Celery, state, granian.server, app, metrics_server, process))
    return main


def load_phone() -> Program:
    """Load the native app."""
    from relying_party_demo.native import command_line

    return lambda: sys.exit(command_line.main(sys.argv[1:]))


def load_granian() -> Program:
    """Load the server of the kit's example apps, with the libraries on which those stand."""
    import django.core.management
    import django.core.wsgi
    import fastapi
    import flask_session
    from granian.cli import entrypoint

    import curfew_rp.flask
    import curfew_rp.starlette

    assert all((django, fastapi, flask_session, curfew_rp))
    return entrypoint


PROGRAMS = {"curfew": load_curfew, "release": load_release, "phone": load_phone, "granian": load_granian}


@contextmanager
def fork_server(folder: Path, program: str) -> Iterator[Path]:
    """Start the process that forks for each call of a program; yields the command to call."""
    address, command = folder / "socket", folder / program
    command.write_text(CLIENT.format(python=sys.executable, address=address))
    command.chmod(0o755)
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.support.fork_server", program, str(address)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with server:
        assert server.stdout
        assert server.stdout.readline() == "ready\n"
        yield command
        server.terminate()


@pytest.fixture(scope="session")
def curfew_commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a `curfew` that starts at once; tests of one group share it."""
    with fork_server(tmp_path_factory.mktemp("commands"), "curfew") as command:
        yield command.parent


def main(program: str, address: str) -> None:
    """Say that calls can come, and answer them until standard input ends."""
    run = PROGRAMS[program]()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(address)
        listening.listen(64)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        # The parent keeps standard input open for as long as it lives.
        while listening in select.select([listening, sys.stdin], [], [])[0]:
            call, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                _answer(call, program, run)
            call.close()


def _answer(call: socket.socket, program: str, run: Program) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    said, streams, _, _ = socket.recv_fds(call, LONGEST_CALL, 3)
    arguments, environ, folder = json.loads(said)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = [program, *arguments]
    threading.Thread(target=_leave_with_caller, args=(call,), daemon=True).start()
    code = _exit_code(run)
    call.send(str(code).encode())
    os._exit(code)


def _leave_with_caller(call: socket.socket) -> None:
    call.recv(1)
    os._exit(FAILED)


def _exit_code(run: Program) -> int:
    try:
        run()
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    else:
        code = 0
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    main(*sys.argv[1:])

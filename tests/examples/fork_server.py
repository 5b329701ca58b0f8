"""The `curfew` command without its start-up time: one process loads everything and forks for each call.

A second of CPU for each of a hundred calls would be most of what the examples cost. `python -m
tests.examples.fork_server SOCKET` serves; `CLIENT` is the command that calls it, with the caller's arguments,
environment, folder and streams. The exit code is that of the command, or 99 if it failed otherwise.
"""

import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable

CLIENT = """\
#!{python} -IS
import json, os, socket, sys
if sys.argv[1:2] in (["serve"], ["worker"], ["dev"]):
    os.execv("{command}", sys.argv)
call = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
call.connect("{address}")
said = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()])
socket.send_fds(call, [said.encode()], [0, 1, 2])
sys.exit(int(call.recv(8) or 99))
"""
LONGEST_CALL = 200_000


def main(address: str) -> None:
    """Say that calls can come, and answer them until standard input ends."""
    from provider import app  # noqa: F401 -- loaded once for all calls.
    from provider.command import main as curfew
    from tests.cli.test_examples import COMMANDS

    assert COMMANDS, "reading the tree of commands loads each of them"
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
                _answer(call, curfew)
            call.close()


def _answer(call: socket.socket, curfew: Callable[[], None]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    said, streams, _, _ = socket.recv_fds(call, LONGEST_CALL, 3)
    arguments, environ, folder = json.loads(said)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = ["curfew", *arguments]
    call.send(str(_exit_code(curfew)).encode())
    os._exit(0)


def _exit_code(curfew: Callable[[], None]) -> int:
    try:
        curfew()
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    else:
        code = 0
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    main(sys.argv[1])

"""Components from above the command line, passed in by its starter (`provider.command`).

The layers put the application above its commands; a command therefore does not import
it but is given it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Never

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

    from flask import Flask

    from provider.config import Settings
    from provider.infrastructure.stop_signal import StopSignal
    from provider.web.routes import RouteTable


@dataclass(frozen=True, kw_only=True)
class Composition:
    """The parts that commands start; each imports what it needs when it is called."""

    create_app: Callable[["Settings"], "Flask"]
    # Returns every address of the provider; importing what answers them takes as long as a short command.
    routes: Callable[[], "RouteTable"]
    # Imports what the processes that a server forks need, so that they share it.
    import_web: Callable[[], None]
    # Given how many threads answer requests, the pipe to the worker of this process tree, if it has one, and
    # what says that the server stops, returns the ASGI application. Runs in a server's own worker process,
    # and so must be a function that can be found by its name.
    load_application: Callable[[int, "Connection | None", "StopSignal"], Callable[..., Awaitable[None]]]
    # Given where it serves its metrics and the descriptor by which its process tree wakes it, if it has them;
    # returns the exit code.
    run_worker: Callable[[tuple[str, int] | None, int | None], int]
    # Given the port, the folder of the data and the address for notifications, if there are any, and whether
    # to stop at the end of standard input; calls the first function with a description of what runs, or the
    # second with the reason why it cannot.
    run_dev: Callable[
        [int, "Path | None", str | None, bool, Callable[[dict[str, Any]], None], Callable[[str], Never]], None
    ]


_composed: list[Composition] = []


def compose_with(composition: Composition) -> None:
    """Give the commands of this process what they start."""
    _composed[:] = [composition]


def composed() -> Composition:
    """Return what the commands of this process start."""
    if not _composed:
        raise RuntimeError("start the command by provider.command, which composes it")
    return _composed[0]

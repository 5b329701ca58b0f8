"""Components from the layers above the command line, passed in by its starter (`provider.command`).

The application is a layer above the commands, so they cannot import it; the starter passes it in.
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
    # Returns every address of the provider. Importing the views takes as long as running a short command.
    routes: Callable[[], "RouteTable"]
    # Imports the modules that forked server processes need, so that they share the memory.
    import_web: Callable[[], None]
    # Returns the ASGI application, given the number of request threads, the pipe to the worker of this
    # process tree (if there is one) and the signal that the server is stopping. It runs in the server's own
    # worker process, so it must be a function that can be imported by name.
    load_application: Callable[[int, "Connection | None", "StopSignal"], Callable[..., Awaitable[None]]]
    # Returns the exit code, given the address of the metrics endpoint and the descriptor by which the process
    # tree wakes the worker, if there are any.
    run_worker: Callable[[tuple[str, int] | None, int | None], int]
    # Takes the port, the data folder, the address for notifications (either may be None) and whether to stop
    # at the end of standard input. Calls the first function with a description of what runs, or the second
    # with the reason why it cannot run.
    run_dev: Callable[
        [int, "Path | None", str | None, bool, Callable[[dict[str, Any]], None], Callable[[str], Never]], None
    ]


_composed: list[Composition] = []


def compose_with(composition: Composition) -> None:
    """Set the components that the commands of this process start."""
    _composed[:] = [composition]


def composed() -> Composition:
    """Return the components that the commands of this process start."""
    if not _composed:
        raise RuntimeError("start the command by provider.command, which composes it")
    return _composed[0]

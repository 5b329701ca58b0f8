"""Runs the provider for development until it is asked to stop: web and worker in one process."""

import fcntl
import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from flask import Flask

from provider.config import Settings
from provider.dev.api.index import describe
from provider.dev.compose import compose_web, working
from provider.dev.faults import Faults
from provider.dev.listening import CannotRun, listen, serving
from provider.dev.population import populate
from provider.dev.settings import settings_for
from provider.infrastructure import wake_pipe
from provider.infrastructure.database import db
from provider.infrastructure.schema import StrangeSchema
from provider.infrastructure.secrets import UnusableSecretKey
from provider.infrastructure.stop_request import StopRequest
from provider.infrastructure.wake_pipe import Waker
from provider.protocol.client_metadata import InvalidClientMetadata

# This file marks a folder as one of a provider for development.
_MARK = "curfew-dev.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options of the command."""

    # 0: any free port.
    port: int
    # None: a temporary folder, which is removed at the end.
    data: Path | None
    backchannel_logout_uri: str | None
    stop_at_eof: bool


def run(asked: Asked, announce: Callable[[dict[str, Any]], None]) -> None:
    """Run until a signal, Ctrl-C or, if requested, the end of standard input. Raises CannotRun.

    `announce` gets the description of the provider once people can sign in and deliveries are made.
    """
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(one)) for one in listen(asked.port)]
        folder = stack.enter_context(_folder(asked.data))
        stop = _stop_on_signals()
        settings = settings_for(sockets[0].getsockname()[1], folder)
        faults = Faults()
        reader, writer = wake_pipe.make()
        stack.enter_context(closing(reader))
        web = _compose(settings, faults, Waker(stack.enter_context(closing(writer))))
        with web.app_context():
            stack.callback(db.engine.dispose)
            _populate(asked.backchannel_logout_uri)
            description = describe()
        stack.enter_context(working(settings, faults, reader))
        stack.enter_context(serving(web, sockets))
        announce(description)
        if asked.stop_at_eof:
            threading.Thread(target=_stop_at_eof, args=(stop,), daemon=True).start()
        stop.wait()


def _compose(settings: Settings, faults: Faults, waker: Waker) -> Flask:
    try:
        return compose_web(settings, faults, waker)
    except UnusableSecretKey as exc:
        raise CannotRun(str(exc)) from exc


def _populate(backchannel_logout_uri: str | None) -> None:
    try:
        populate(backchannel_logout_uri)
    except (StrangeSchema, InvalidClientMetadata) as exc:
        raise CannotRun(str(exc)) from exc


def _stop_on_signals() -> StopRequest:
    stop = StopRequest()

    def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.make()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, ask_to_stop)
    return stop


def _stop_at_eof(stop: StopRequest) -> None:
    """Stop when the program that started us has closed our standard input or has ended."""
    # Read the descriptor instead of sys.stdin: Python cannot exit while a thread waits for sys.stdin.
    while os.read(sys.stdin.fileno(), 1024):
        pass
    stop.make()


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    """Provide the data folder: the given one, or a temporary one that is removed at the end."""
    if given is not None:
        with _take(given):
            yield given
        return
    with tempfile.TemporaryDirectory(prefix="curfew-dev-") as folder:
        yield Path(folder)


def _take(folder: Path) -> TextIO:
    """Take a folder that is empty or was made by `curfew dev`; it is locked while the file is open.

    Raises CannotRun for any other folder, and for one in use.
    """
    mark = folder / _MARK
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_ours = mark.exists()
        if not is_ours and any(folder.iterdir()):
            raise CannotRun(f"{folder} is neither empty nor one of curfew dev: choose another folder")
        lock = mark.open("a")
        # The lock ends with the process, however that ends.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        lock.close()
        raise CannotRun(f"another curfew dev uses {folder}") from exc
    except OSError as exc:
        raise CannotRun(f"{folder} cannot be used: {exc.strerror}") from exc
    if not is_ours:
        lock.write(json.dumps({"for_development_only": True}) + "\n")
        lock.flush()
    return lock

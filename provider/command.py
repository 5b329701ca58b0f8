"""The composition root of the `curfew` command."""

import gc
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Never

from provider.cli import main as curfew
from provider.cli.composition import Composition, compose_with

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

    from flask import Flask

    from provider.config import Settings
    from provider.infrastructure.stop_signal import StopSignal
    from provider.server import Front
    from provider.web.routes import RouteTable

# Imports make objects by the hundred thousand, of which none is garbage: looking through them every 700
# objects, as is usual, takes a sixth of a short command's time.
_OBJECTS_BETWEEN_COLLECTIONS = 20_000


def main() -> None:
    """Run the command line."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    compose()
    curfew()


def compose() -> None:
    """Hand the command line what it starts; each part is imported when a command needs it."""
    compose_with(
        Composition(
            create_app=create_app,
            routes=routes,
            import_web=import_web,
            load_application=load_application,
            run_worker=run_worker,
            run_dev=run_dev,
        )
    )


def create_app(settings: "Settings") -> "Flask":
    """Compose the provider."""
    from provider import app
    from provider.infrastructure.engine import Role

    return app.create_app(settings, role=Role.COMMAND)


@cache
def routes() -> "RouteTable":
    """Return every address of the provider."""
    from provider import app
    from provider.web.routes import RouteTable

    return RouteTable(app.groups())


def import_web() -> None:
    """Import what answers requests, so that the processes forked from this one share it in memory."""
    from provider import app
    from provider.infrastructure import rate_limits

    app.groups()
    rate_limits.import_library()
    # A collection in a process would otherwise write to, and so copy, every page.
    gc.freeze()


def load_application(
    threads: int, writer: "Connection | None" = None, stop_signal: "StopSignal | None" = None
) -> "Front":
    """Make the application inside a server's worker process, which leaves when its parent is gone.

    `writer` leads to the worker of the same process tree, if there is one; `stop_signal` says that the server
    stops.
    """
    from provider.admin_api import waiting
    from provider.app import create_app
    from provider.cli.serve import leave_with_parent
    from provider.config import load_settings
    from provider.infrastructure import current
    from provider.infrastructure.wake_pipe import Waker
    from provider.logout.notification import budget
    from provider.server import BodyLimits, Front
    from provider.web.routes import table

    application = create_app(waker=Waker(writer) if writer else None)
    with application.app_context():
        budget.share_threads(threads)
        waiting.share_threads(threads)
        if stop_signal:
            stop_signal.listen(current.services().stopping.set)
    threading.Thread(target=leave_with_parent, daemon=True).start()
    threading.Thread(target=_watch_history, args=(application,), daemon=True).start()
    settings = load_settings()
    limits = BodyLimits(
        most_bytes=settings.max_body_bytes, deadline=settings.request_body_deadline.total_seconds()
    )
    # A request that has waited half of the database's deadline for a thread would fail there.
    patience = settings.database_deadline.total_seconds() / 2
    return Front(
        application,
        threads=threads,
        limits=limits,
        patience=patience,
        issuer_path=settings.issuer_path,
        own_threads=table(application).own_threads(),
        shared=table(application).shared(),
    )


def _watch_history(application: "Flask") -> None:
    """Look again and again whether the database holds what it held, and log when it does not."""
    from provider.infrastructure import event_log
    from provider.inspection import history

    while True:
        try:
            with application.app_context():
                history.watch()
        except Exception as exc:  # noqa: BLE001 – logged; this thread must outlive a database that is away.
            event_log.warning("history_not_watched", kind=type(exc).__name__)
        time.sleep(history.EVERY.total_seconds())


def run_worker(metrics_at: tuple[str, int] | None = None, woken_by: int | None = None) -> int:
    """Run a worker in this process; returns its exit code."""
    from provider.celery_app import run

    return run(metrics_at, woken_by)


def run_dev(
    port: int,
    data: "Path | None",
    backchannel_logout_uri: str | None,
    stop_at_eof: bool,
    announce: Callable[[dict[str, Any]], None],
    refuse: Callable[[str], Never],
) -> None:
    """Run a provider for development in this process until it is asked to stop."""
    from provider.dev.listening import CannotRun
    from provider.dev.run import Asked, run

    asked = Asked(
        port=port, data=data, backchannel_logout_uri=backchannel_logout_uri, stop_at_eof=stop_at_eof
    )
    try:
        run(asked, announce)
    except CannotRun as exc:
        refuse(str(exc))


if __name__ == "__main__":
    main()

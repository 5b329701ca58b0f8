"""Composes the provider for development: its web application, and its worker."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from urllib.parse import urlsplit

from flask import Flask
from jinja2 import ChoiceLoader, PackageLoader

from provider.app import create_app
from provider.config import Settings
from provider.dev import only_this_machine
from provider.dev.api import ROUTES as API_ROUTES
from provider.dev.api.deliveries import EXTENSION
from provider.dev.faults import Faults, FaultyOutbound
from provider.dev.loopback_uris import register_asked_one
from provider.dev.page import ROUTES as PAGE_ROUTES
from provider.infrastructure import current, wake_pipe
from provider.infrastructure.engine import Role
from provider.infrastructure.wake_pipe import Waker
from provider.web.route import RouteGroup
from provider.worker.process import WorkerProcess

GROUP = RouteGroup(name="dev", routes=(*PAGE_ROUTES, *API_ROUTES), json_below=(f"{only_this_machine.API}/",))


def compose_web(settings: Settings, faults: Faults, waker: Waker | None = None) -> Flask:
    """Compose the provider with the page and the API for development."""
    app = create_app(settings, waker=waker, added=(GROUP,))
    _play(app, faults)
    app.jinja_loader = ChoiceLoader([app.jinja_loader, PackageLoader("provider.dev")])  # type: ignore[list-item]
    app.before_request(only_this_machine.check_api_request)
    app.before_request(register_asked_one)
    guarded = only_this_machine.under_own_name(app.wsgi_app, urlsplit(settings.issuer).port or 80)
    # Replacing this method is Flask's documented way to wrap an application.
    app.wsgi_app = guarded  # type: ignore[method-assign,assignment]
    return app


@contextmanager
def working(settings: Settings, faults: Faults, woken_by: Connection) -> Iterator[None]:
    """Run the worker's deliveries and periodic duties in threads of this process, woken by a pipe."""
    app = create_app(settings, role=Role.WORKER)
    _play(app, faults)
    process = WorkerProcess(app)
    listener = threading.Thread(
        target=wake_pipe.listen, args=(woken_by.fileno(), process.wake), name="wake-pipe", daemon=True
    )
    process.start()
    listener.start()
    try:
        yield
    finally:
        process.stop()


def _play(app: Flask, faults: Faults) -> None:
    """Make an application call other parties through the faults."""
    with app.app_context():
        services = current.services()
    faulty = FaultyOutbound(services.outbound.policy, faults)
    current.install(app, replace(services, outbound=faulty))
    app.extensions[EXTENSION] = faults

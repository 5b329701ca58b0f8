"""The composition root: settings, services and routes become one application."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask

import provider.models  # noqa: F401 – every table is known before the first query.
from provider.config import Settings, has_published_key, load_settings
from provider.infrastructure import current, event_log
from provider.infrastructure.data_keys import DataKeys
from provider.infrastructure.database import db
from provider.infrastructure.engine import Role, engine_options, limits_of, prepare_engine
from provider.infrastructure.outbound_http import OutboundClient, OutboundPolicy
from provider.infrastructure.private_files import keep_private
from provider.infrastructure.rate_limits import RateLimits
from provider.infrastructure.secrets import open_secret_box
from provider.infrastructure.task_queue import WakeUps
from provider.infrastructure.wake_pipe import Waker

if TYPE_CHECKING:
    from provider.web.route import RouteGroup


def create_app(
    settings: Settings | None = None,
    *,
    role: Role = Role.WEB,
    waker: Waker | None = None,
    added: "Iterable[RouteGroup]" = (),
) -> Flask:
    """Compose the provider for a kind of process. Raises WrongSettings or UnusableSecretKey.

    `added` are addresses beside the provider's own; only a process of the role WEB has any.
    """
    settings = settings or load_settings()
    event_log.configure(settings.log_level)
    if has_published_key(settings) and role is not Role.COMMAND:
        event_log.warning("published_secret_key", detail="set CURFEW_SECRET_KEY to 32 random bytes")
    app = _kind_for(role)("provider", static_folder=None, template_folder=None)
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.resolved_database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(settings, role)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    keep_private(settings)
    db.init_app(app)
    with app.app_context():
        prepare_engine(db.engine, limits=limits_of(role, settings))
    current.install(app, compose_services(settings, waker))
    if role is Role.WEB:
        from provider.accounts import common_passwords

        with app.app_context():
            current.services().rate_limits.prepare()
            common_passwords.load()
        _install_web(app, added)
    return app


def _kind_for(role: Role) -> type[Flask]:
    """Return the class of the application: what answers no requests does without our own."""
    if role is not Role.WEB:
        return Flask
    from provider.web.application import Application

    return Application


def groups() -> "tuple[RouteGroup, ...]":
    """Return every address of the provider, importing what answers: commands and workers need none of it."""
    from provider import admin_api, api, console, endpoints, pages

    return pages.GROUP, endpoints.GROUP, api.GROUP, admin_api.GROUP, console.GROUP


def _install_web(app: Flask, added: "Iterable[RouteGroup]") -> None:
    from provider import web

    web.install(app, (*groups(), *added))


def compose_services(settings: Settings, waker: Waker | None = None) -> current.Services:
    """Compose the services of one application; `waker` wakes the worker of its process tree."""
    policy = OutboundPolicy(
        allowed_networks=settings.outbound_networks,
        allowed_hosts=settings.outbound_hosts,
        ca_bundle=settings.outbound_ca_bundle,
        connect_timeout=settings.outbound_connect_timeout,
        total_deadline=settings.outbound_deadline,
    )
    return current.Services(
        settings=settings,
        data_keys=DataKeys(open_secret_box(settings)),
        outbound=OutboundClient(policy),
        rate_limits=RateLimits(settings.broker_url or None),
        wake_ups=WakeUps(settings.broker_url, waker),
    )

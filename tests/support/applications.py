"""Applications to test, made once for each kind: routes, templates and SQL take time to compile."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from flask import Flask
from sqlalchemy import Engine, event

from provider.app import compose_services, create_app
from provider.cli.composition import compose_with, composed
from provider.config import Settings
from provider.infrastructure import current, event_log
from provider.infrastructure.database import db
from provider.infrastructure.engine import Role
from provider.infrastructure.private_files import keep_private
from tests.support.databases import hurry, is_emptied
from tests.support.shared_templates import COMPILED_ONCE

Adapt = Callable[[Flask], object]
# The settings that an application is composed with; all others are read when they are needed.
COMPOSED_WITH = (
    *("issuer", "log_level", "secret_key", "max_body_bytes", "common_passwords_file"),
    *("database_url", "database_pool_size", "database_deadline", "database_pause"),
)
# The one used last stands at the end.
_apps: dict[tuple[object, ...], Flask] = {}
_MOST_APPS = 16
# As many as the threads of a race; PostgreSQL has a hundred for all applications.
_MOST_IDLE = 5


@contextmanager
def opened(settings: Settings, adapt: Adapt | None = None) -> Iterator[Flask]:
    """Hold the context of an application with these settings."""
    app = application(settings, adapt)
    with app.app_context():
        yield app
        current.services().outbound.close()
        db.session.remove()
        _close_connections(db.engine)


def application(settings: Settings, adapt: Adapt | None = None) -> Flask:
    """Return an application with settings and services of its own; `adapt` adds a test's routes.

    What it is composed with is the same for all of its kind, and so are its compiled templates and SQL.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return _known(settings, Role.WEB, adapt)


def share_between_commands() -> None:
    """Have commands that run in this process share their applications, too: they compile the same SQL."""
    compose_with(replace(composed(), create_app=_application_of_command))


def _application_of_command(settings: Settings) -> Flask:
    keep_private(settings)
    return _known(settings, Role.COMMAND)


def _known(settings: Settings, role: Role, adapt: Adapt | None = None) -> Flask:
    # Without a URL in the settings the database lies in the data folder.
    where = settings.resolved_database_url
    kind = (where, *(getattr(settings, name) for name in COMPOSED_WITH), role, adapt)
    known = _apps.pop(kind, None) or _make(settings, role, adapt)
    _apps[kind] = known
    if len(_apps) > _MOST_APPS:
        with _apps.pop(next(iter(_apps))).app_context():
            # Collected with a connection in its pool, it would warn in the middle of another test.
            Engine.dispose(db.engine)
    current.install(known, compose_services(settings))
    # A known one was made by another test, whose standard error may be closed by now.
    event_log.configure(settings.log_level)
    return known


def _make(settings: Settings, role: Role, adapt: Adapt | None) -> Flask:
    app = create_app(settings, role=role)
    if role is Role.WEB:
        app.jinja_env.bytecode_cache = COMPILED_ONCE
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            event.listen(db.engine, "connect", lambda connection, _record: hurry(connection))
        elif role is Role.COMMAND:
            db.engine.dispose = partial(_close_after_command, db.engine, settings.resolved_database_url)
    if adapt:
        adapt(app)
    return app


def _close_after_command(engine: Engine, url: str) -> None:
    """Close the connections of a command, but leave one of PostgreSQL for the next command of this process.

    PostgreSQL starts a process for each, which reads the catalog before its first statements. All are closed
    where the database is that of one test, which may copy it or end its server.
    """
    if is_emptied(url):
        _close_connections(engine)
    else:
        Engine.dispose(engine)


def _close_connections(engine: Engine) -> None:
    """Close them, but leave a few idle ones: to open one anew costs more than many a short test does."""
    if engine.pool.checkedout() or engine.pool.checkedin() > _MOST_IDLE:
        Engine.dispose(engine)

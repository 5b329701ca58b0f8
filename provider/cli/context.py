"""The context of a command: settings, a migrated database, the application, errors in one line."""

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, ParamSpec, TypeVar, overload

import click

from provider.cli.composition import composed
from provider.cli.plain_text import say

if TYPE_CHECKING:
    from provider.infrastructure.acting import Operator

P = ParamSpec("P")
R = TypeVar("R")
WRONG_KEY = (
    "the secret key does not match this database: set CURFEW_SECRET_KEY, or put back secret.key in the "
    "data folder"
)
PUBLISHED_KEY = (
    "the secret key is the published one of docker-compose.yml, so anyone can open a copy of the database: "
    "set CURFEW_SECRET_KEY to 32 random bytes before real use"
)
REFUSED, WRONG_SETTINGS, NOT_MIGRATED, READ_ONLY, OLDER, TRY_AGAIN = 1, 2, 3, 4, 5, 6
EXIT_CODES = {
    0: "done",
    REFUSED: "refused or failed",
    WRONG_SETTINGS: "invalid usage or settings",
    NOT_MIGRATED: "the database needs `curfew db upgrade`",
    READ_ONLY: "the database is read-only",
    OLDER: "the database is older than this host has seen it",
    TRY_AGAIN: "another process holds the database; try again",
}


@overload
def with_app(command: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def with_app(*, migrated: bool) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def with_app(
    command: Callable[P, R] | None = None, /, *, migrated: bool = True
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    """Run a command inside the application's context; `migrated=False` accepts any state of the schema."""

    def decorate(command: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(command)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            with application(migrated=migrated), one_line_errors():
                return command(*args, **kwargs)

        return run

    return decorate if command is None else decorate(command)


@contextmanager
def application(*, migrated: bool = True) -> Iterator[None]:
    """Provide the application's context and a correlation id, and close everything afterwards."""
    from provider.config import WrongSettings, load_settings
    from provider.infrastructure import acting, current, event_log
    from provider.infrastructure.database import db
    from provider.infrastructure.secrets import UnusableSecretKey

    try:
        settings = load_settings()
        app = composed().create_app(settings)
    except WrongSettings as exc:
        fail(*exc.problems, code=WRONG_SETTINGS)
    except (UnusableSecretKey, OSError) as exc:
        fail(str(exc), code=WRONG_SETTINGS)
    if settings.log_level == "INFO":
        # People at a terminal read the command's own output; warnings and errors are still logged.
        event_log.configure("WARNING")
    with app.app_context(), event_log.correlated(), acting.acting_as(_operator()):
        try:
            if migrated:
                _check_schema()
                _check_secret_key()
            yield
        finally:
            db.session.remove()
            db.engine.dispose()
            current.services().outbound.close()


def _operator() -> "Operator":
    """Return who runs the command: by `--as` or CURFEW_AS, or else by the system's user."""
    from provider.infrastructure.acting import operator_at_the_keyboard

    context = click.get_current_context(silent=True)
    return operator_at_the_keyboard(context.find_root().params.get("acting_as") if context else None)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn errors of the rooms and the database into one line on standard error and exit code 1."""
    from provider.infrastructure.database_errors import AWAY

    try:
        yield
    except AWAY as exc:
        fail_without_database(exc)
    except Exception as exc:
        # Errors of our rooms hold a sentence for people; any other exception is a defect.
        if not type(exc).__module__.startswith("provider."):
            raise
        fail(str(exc) or type(exc).__name__)


def fail(*sentences: str, code: int = REFUSED) -> NoReturn:
    """Print what is wrong, one line for each problem, and exit."""
    for sentence in sentences:
        say(f"curfew: {' '.join(sentence.split())}", err=True)
    sys.exit(code)


def fail_without_database(exc: Exception) -> NoReturn:
    """Print why the database cannot be used, and exit."""
    from provider.infrastructure.database_errors import is_read_only

    reason = getattr(exc, "orig", exc)
    if is_read_only(exc):
        fail(f"the database is read-only: {reason}", code=READ_ONLY)
    fail(f"the database does not answer: {reason}")


def _check_schema() -> None:
    from provider.infrastructure import schema
    from provider.infrastructure.database import db
    from provider.infrastructure.database_errors import AWAY

    try:
        up_to_date = schema.is_current(db.engine)
        if not up_to_date:
            fail_before_migration()
    except AWAY as exc:
        fail_without_database(exc)


def fail_before_migration() -> NoReturn:
    """Print whether all migrations or only some are missing, and exit."""
    from provider.infrastructure import schema
    from provider.infrastructure.database import db

    if schema.current_revision(db.engine) is not None:
        fail("the database is not up to date: run `curfew db upgrade`", code=NOT_MIGRATED)
    # Without CURFEW_CONFIG, a command in a new terminal uses the folder `data` below the current one.
    elsewhere = "" if os.environ.get("CURFEW_CONFIG") else "set CURFEW_CONFIG to your settings file, or "
    where = db.engine.url.database
    fail(
        f"the database {where} is empty: {elsewhere}make one by `curfew init` or `curfew db upgrade`",
        code=NOT_MIGRATED,
    )


def _check_secret_key() -> None:
    """End the command before it writes digests that the provider's own key cannot verify."""
    from provider.infrastructure.data_keys import WrongSecretKey
    from provider.infrastructure.database_errors import AWAY
    from provider.keys.sealing import UnreadableKey, check_secret_key

    try:
        check_secret_key()
    except AWAY as exc:
        fail_without_database(exc)
    except (UnreadableKey, WrongSecretKey):
        fail(WRONG_KEY, code=WRONG_SETTINGS)


def warn_of_published_key() -> None:
    """Warn on standard error if the secret key is published in the project's own files."""
    from provider.config import has_published_key
    from provider.infrastructure import current

    if has_published_key(current.settings()):
        say(f"curfew: warning: {PUBLISHED_KEY}", err=True)


def refuse_read_only_database() -> None:
    """End the command if the database is read-only; for processes that cannot work without writing.

    Operators expect such a process to exit: its supervisor restarts it, and the database may have been
    promoted by then.
    """
    from provider.infrastructure import schema
    from provider.infrastructure.database import db
    from provider.infrastructure.database_errors import AWAY

    try:
        why = schema.why_read_only(db.engine)
    except AWAY as exc:
        fail_without_database(exc)
    if why:
        fail(f"the database is read-only: {why}", code=READ_ONLY)


def refuse_older_database() -> None:
    """End the command if the database is an older copy of what this instance has seen.

    On another server or timeline, where nothing proves that data is missing, it continues with a warning.
    """
    from provider.infrastructure.database_errors import AWAY
    from provider.inspection import history

    try:
        found = history.judge()
    except AWAY as exc:
        fail_without_database(exc)
    if found.is_older:
        fail(found.sentence, code=OLDER)
    if found.sentence:
        say(f"curfew: {found.sentence}", err=True)

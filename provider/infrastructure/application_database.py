"""Flask-SQLAlchemy with direct access to the engine and the session of the current application."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from flask.globals import _cv_app as _context
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine

# The name of an application's engine in its extensions.
_ENGINE = "curfew.engine"


class Database(SQLAlchemy):
    """The databases of all applications of a process."""

    @property
    def engine(self) -> Engine:
        """The engine of the present application."""
        kept = _context.get().app.extensions
        engine: Engine = kept.get(_ENGINE) or kept.setdefault(_ENGINE, super().engine)
        return engine

    def has_session(self) -> bool:
        """Return whether the present context has a session."""
        return id(_context.get()) in self.session.registry.registry

    def _teardown_session(self, exc: BaseException | None) -> None:
        # Work that only finds and gathers rows has not created a session.
        if self.has_session():
            super()._teardown_session(exc)


def id_of_context() -> int:
    """Return the key that identifies the session of the current application context."""
    return id(_context.get())


def kept_in_context() -> dict[str, Any]:
    """Return the contents of Flask's `g`, without the extra calls that its proxy makes on each access."""
    kept: dict[str, Any] = _context.get().g.__dict__
    return kept


class BlockInContext(AbstractContextManager[None]):
    """A block of work, registered in the context under a name; a nested block is part of the outer one.

    Nearly every request has one, and a generator-based context manager takes twice as many calls.
    """

    __slots__ = ("_at_end", "_inside_of", "_is_outermost", "_kept", "_name")

    def __init__(self, name: str, *, inside_of: str, at_end: Callable[[], None]) -> None:
        self._name, self._inside_of, self._at_end = name, inside_of, at_end

    def __enter__(self) -> None:
        """Begin the block."""
        self._kept = kept_in_context()
        self._is_outermost = not (self._name in self._kept or self._inside_of in self._kept)
        if self._is_outermost:
            self._kept[self._name] = True

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the block; after an error, skip the action that normally runs at its end."""
        if not self._is_outermost:
            return
        try:
            if kind is None:
                self._at_end()
        finally:
            self._kept.pop(self._name, None)

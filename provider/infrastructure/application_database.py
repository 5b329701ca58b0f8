"""Flask-SQLAlchemy, which finds the engine and the session of the present application without a search."""

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
        # What only finds and gathers rows has made none.
        if self.has_session():
            super()._teardown_session(exc)


def id_of_context() -> int:
    """Return what tells the session of the present application context from others."""
    return id(_context.get())


def kept_in_context() -> dict[str, Any]:
    """Return what Flask's `g` keeps: its proxy takes several calls each time, and `g` itself one more."""
    kept: dict[str, Any] = vars(_context.get().g)
    return kept


class BlockInContext(AbstractContextManager[None]):
    """A block of work that the context knows by a name; inside of another one it is a part of that.

    Nearly every request has one, and a generator takes twice as many calls.
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
        """End it; after an error without what comes at its end."""
        if not self._is_outermost:
            return
        try:
            if kind is None:
                self._at_end()
        finally:
            self._kept.pop(self._name, None)

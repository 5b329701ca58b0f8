"""Flask-SQLAlchemy, which finds the engine and the session of the present application without a search."""

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

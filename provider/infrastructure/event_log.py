"""The structured log: one JSON object per line, a constant event name with identifiers.

Never a token, a cookie, a hint or a whole object (KEY-27). The correlation id follows one click
from the browser's request to each delivery attempt that it causes.
"""

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO

from provider.infrastructure import clock
from provider.infrastructure.opaque_tokens import new_hex_id

_correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")
_log = logging.getLogger("curfew")


def correlation_id() -> str:
    """Return the id shared by everything that one click has caused; empty outside of any such work."""
    return _correlation_id.get()


def begin_correlation() -> None:
    """Set a new correlation id, in a context that ends with the work."""
    _correlation_id.set(new_hex_id())


@contextmanager
def correlated(identifier: str | None = None) -> Iterator[str]:
    """Run a piece of work under a correlation id, a new one unless it continues another's."""
    token = _correlation_id.set(identifier or new_hex_id())
    try:
        yield _correlation_id.get()
    finally:
        _correlation_id.reset(token)


def info(event: str, **fields: Any) -> None:
    """Log that something happened as it should."""
    _write(logging.INFO, event, fields)


def warning(event: str, **fields: Any) -> None:
    """Log that something needs watching."""
    _write(logging.WARNING, event, fields)


def error(event: str, *, exc_info: bool = False, **fields: Any) -> None:
    """Log that something failed that an operator should look at."""
    _write(logging.ERROR, event, fields, sys.exc_info() if exc_info else None)


def _write(level: int, event: str, fields: dict[str, Any], exc_info: Any = None) -> None:
    if not _log.isEnabledFor(level):
        return
    # The standard library would look up the calling source line, which our log does not contain.
    line = object.__new__(logging.LogRecord)
    said = {"msg": event, "fields": fields, "exc_info": exc_info}
    line.__dict__.update(_FROM_NOWHERE, levelno=level, levelname=logging.getLevelName(level), **said)
    line.created = time.time()
    _log.handle(line)


_FROM_NOWHERE = vars(logging.makeLogRecord({"name": _log.name}))


class _Lines(logging.StreamHandler[TextIO]):
    """Writes each line at once."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; an error while writing must not fail the work that is logged."""
        try:
            self.stream.write(f"{self.format(record)}\n")
            self.stream.flush()
        except Exception:  # noqa: BLE001 – as the standard library does it.
            self.handleError(record)


class JSONLines(logging.Formatter):
    """Formats a record as one line of JSON; line breaks and control characters stay encoded (KEY-34)."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "at": clock.now().isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        if record.name != _log.name:
            line["logger"] = record.name
        if _correlation_id.get():
            line["correlation_id"] = _correlation_id.get()
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        # The escapes of ASCII leave out DEL, which drives terminals too.
        return _ENCODER.encode(line).replace("\x7f", "\\u007f")


_ENCODER = json.JSONEncoder(default=str)


def configure(level: str) -> None:
    """Send every logger's records to standard error as JSON lines."""
    # Skip the details that no line of our log contains.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = _Lines(sys.stderr)
    handler.setFormatter(JSONLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    _log.setLevel(level)

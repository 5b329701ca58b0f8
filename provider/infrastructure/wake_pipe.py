"""A pipe by which web processes wake the worker of their own process tree, with no broker in between.

A byte says "look now" and nothing else; what is due is in the database. The end of the file says that every
process that could write is gone.
"""

import os
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection

_BYTES_AT_ONCE = 65_536


def make() -> tuple[Connection, Connection]:
    """Return the reading and the writing end; writing never blocks."""
    reader, writer = Pipe(duplex=False)
    os.set_blocking(writer.fileno(), False)
    return reader, writer


class Waker:
    """The writing end, in a web process."""

    def __init__(self, writer: Connection) -> None:
        self._writer = writer

    def wake(self) -> bool:
        """Wake the worker; returns False if that failed."""
        try:
            os.write(self._writer.fileno(), b"!")
        except BlockingIOError:
            # The pipe is full of bytes that the worker has yet to read; it looks again after them.
            return True
        except OSError:
            return False
        return True


def listen(descriptor: int, wake: Callable[[], None]) -> None:
    """Call `wake` when bytes arrive, once for many of them; return when all writers are gone."""
    while os.read(descriptor, _BYTES_AT_ONCE):
        wake()

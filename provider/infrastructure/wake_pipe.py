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
    """Return the reading and the writing end; to write never waits."""
    reader, writer = Pipe(duplex=False)
    os.set_blocking(writer.fileno(), False)
    return reader, writer


class Waker:
    """The writing end, in a web process."""

    def __init__(self, writer: Connection) -> None:
        self._writer = writer

    def wake(self) -> bool:
        """Wake the worker; False means that it could not be."""
        try:
            os.write(self._writer.fileno(), b"!")
        except BlockingIOError:
            # Full of bytes that the worker has yet to read: it looks again after them.
            return True
        except OSError:
            return False
        return True


def listen(descriptor: int, wake: Callable[[], None]) -> None:
    """Call `wake` for what is written, once for many bytes; return when all writers are gone."""
    while os.read(descriptor, _BYTES_AT_ONCE):
        wake()

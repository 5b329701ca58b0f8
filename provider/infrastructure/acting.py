"""The actor and its origin: the operator of a command, the address of a request.

The edge that starts a command or answers a request sets them once; the audit and the record of a logout
read them. Without either, as in a worker, the system acts by itself.
"""

import os
import pwd
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

# As wide as the columns that keep them.
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class Operator:
    """A person who administers: a name, and the machine and terminal that they use."""

    name: str
    origin: str | None = None


_operator: ContextVar[Operator | None] = ContextVar("operator", default=None)
_address: ContextVar[str | None] = ContextVar("address", default=None)


def operator() -> Operator | None:
    """Return the operator whose command is running, or None."""
    return _operator.get()


def address() -> str | None:
    """Return the address of the request that is being answered, or None."""
    return _address.get()


@contextmanager
def acting_as(who: Operator) -> Iterator[None]:
    """Run a piece of work as the act of an operator."""
    token = _operator.set(who)
    try:
        yield
    finally:
        _operator.reset(token)


def note_address(address: str | None) -> None:
    """Record the origin of the current request, in a context that ends with the request."""
    _address.set(address)


def operator_by_request(name: str, through: str) -> Operator:
    """Return the operator of a request: the user name or client_id, with the channel and address used."""
    origin = f"{through}, from {address()}" if address() else through
    return Operator(_plain(name), _plain(origin))


def operator_at_the_keyboard(name: str | None = None, environ: Mapping[str, str] | None = None) -> Operator:
    """Return who runs this process: the given name or else the system's user, with host and terminal.

    The origin names the system's user in any case, so that a given name hides no one.
    """
    environ = os.environ if environ is None else environ
    account = f"{_system_user()}@{socket.gethostname()}"
    facts = [account]
    if environ.get("SUDO_USER"):
        facts.append(f"sudo by {environ['SUDO_USER']}")
    if terminal := _terminal():
        facts.append(terminal)
    if ssh := environ.get("SSH_CLIENT", "").split():
        facts.append(f"ssh from {ssh[0]}")
    return Operator(_plain(name or account), _plain(", ".join(facts)))


def _system_user() -> str:
    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        # A container's user often has no entry.
        return f"uid {uid}"


def _terminal() -> str | None:
    try:
        return os.ttyname(sys.__stdin__.fileno()).removeprefix("/dev/") if sys.__stdin__ else None
    except (OSError, ValueError):
        return None


def _plain(text: str) -> str:
    """Return the text cut to its column's width, with NUL and control characters replaced."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)[:_LONGEST]

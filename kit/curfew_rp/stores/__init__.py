"""Stores that the processes and nodes of an app share for sessions and logouts.

A store keeps marks (a number under a key) and links (short texts under a key) until they expire. It does not
know what a session is; that is `curfew_rp.session_index`.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from curfew_rp.stores.memory import MemoryStore

__all__ = ["MemoryStore", "Store", "store_from_url"]


class Store(Protocol):
    """The interface of every store; each method raises StoreUnavailable on failure.

    Keys are short and printable. `seconds` is how long an entry is kept. A store must not drop an entry
    before that: an evicted mark would revive an ended session.
    """

    def claim(self, key: str, seconds: float) -> bool:
        """Set a mark that does not exist yet; of several concurrent processes, exactly one gets True."""

    def raise_mark(self, key: str, value: float, seconds: float) -> None:
        """Set a mark unless it is already greater; safe against concurrent calls."""

    def marks(self, keys: Sequence[str]) -> dict[str, float]:
        """Return the existing ones of these marks."""

    def link(self, keys: Iterable[str], member: str, seconds: float) -> None:
        """Add a member under each key; the newest `LINKS_KEPT` of a key are kept."""

    def members(self, key: str) -> list[str]:
        """Return the members under a key."""

    def unlink(self, keys: Iterable[str], members: Iterable[str]) -> None:
        """Remove members under each key."""


def store_from_url(url: str) -> Store:
    """Return the store for a URL; raises ValueError for any other URL.

    `redis://…` and `rediss://…` are Redis or Valkey, `memory:` is for an app of one process, and all others
    are databases in SQLAlchemy's form, whose two tables are created if they are missing.
    """
    scheme = urlsplit(url).scheme
    if scheme == "memory":
        return MemoryStore()
    if scheme in {"redis", "rediss", "unix"}:
        from curfew_rp.stores.redis import RedisStore

        return RedisStore.from_url(url)
    if not scheme or "://" not in url:
        raise ValueError("a store's URL begins with memory:, redis:// or the name of a database")
    from curfew_rp.stores.sqlalchemy import SQLAlchemyStore

    return SQLAlchemyStore.from_url(url)

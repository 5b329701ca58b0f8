"""A store in one of Django's caches, which must be shared by all processes and must not evict.

Django's Redis cache qualifies (with `maxmemory-policy noeviction`). LocMemCache belongs to one process, and
Memcached and DatabaseCache drop entries when they are full: use `RedisStore` or `SQLAlchemyStore` there.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from secrets import token_hex
from typing import Any, ParamSpec, TypeVar

from curfew_rp.errors import StoreUnavailable
from curfew_rp.stores.limits import LINKS_KEPT

# A cache's only atomic operation is `add`, so changes are made under a lock that is made of it.
LOCK_SECONDS = 10
_PATIENCE_SECONDS = 3.0
_WAIT_SECONDS = 0.005
Args = ParamSpec("Args")
Result = TypeVar("Result")


class DjangoCacheStore:
    """Marks as numbers, links as dictionaries from members to the instants at which they expire."""

    def __init__(self, cache: Any = None, *, prefix: str = "curfew_rp:") -> None:
        if cache is None:
            from django.core.cache import cache as default

            cache = default
        self._cache = cache
        self._mark = prefix + "mark:"
        self._link = prefix + "link:"
        self._lock = prefix + "lock:"

    def claim(self, key: str, seconds: float) -> bool:
        """Set a mark that does not exist yet."""
        return bool(self._call(self._cache.add, self._mark + key, time.time(), timeout=ceil(seconds)))

    def raise_mark(self, key: str, value: float, seconds: float) -> None:
        """Set a mark unless it is already greater."""
        with self._locked(self._mark + key):
            known = self._call(self._cache.get, self._mark + key)
            highest = value if known is None else max(known, value)
            self._call(self._cache.set, self._mark + key, highest, timeout=ceil(seconds))

    def marks(self, keys: Sequence[str]) -> dict[str, float]:
        """Return the existing ones of these marks."""
        found = self._call(self._cache.get_many, [self._mark + key for key in keys])
        return {key.removeprefix(self._mark): value for key, value in found.items()}

    def link(self, keys: Iterable[str], member: str, seconds: float) -> None:
        """Add a member under each key."""
        for key in keys:
            with self._locked(self._link + key):
                linked = self._linked(key)
                linked.pop(member, None)
                newest = list(linked.items())[-LINKS_KEPT + 1 :]
                changed = {**dict(newest), member: time.time() + seconds}
                self._call(self._cache.set, self._link + key, changed, timeout=ceil(seconds))

    def members(self, key: str) -> list[str]:
        """Return the members under a key."""
        return list(self._linked(key))

    def unlink(self, keys: Iterable[str], members: Iterable[str]) -> None:
        """Remove members under each key."""
        gone = set(members)
        for key in keys:
            with self._locked(self._link + key):
                linked = {member: until for member, until in self._linked(key).items() if member not in gone}
                longest = max(linked.values(), default=0) - time.time()
                if longest > 0:
                    self._call(self._cache.set, self._link + key, linked, timeout=ceil(longest))
                else:
                    self._call(self._cache.delete, self._link + key)

    def _linked(self, key: str) -> dict[str, float]:
        found: dict[str, float] = self._call(self._cache.get, self._link + key) or {}
        return {member: until for member, until in found.items() if until > time.time()}

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        """Hold the key's lock; raises StoreUnavailable if others hold it for too long."""
        name, mine = self._lock + key, token_hex(8)
        gives_up_at = time.monotonic() + _PATIENCE_SECONDS
        while not self._call(self._cache.add, name, mine, timeout=LOCK_SECONDS):
            if time.monotonic() > gives_up_at:
                raise StoreUnavailable("cache: a lock is held for too long")
            time.sleep(_WAIT_SECONDS)
        try:
            yield
        finally:
            # After a pause of this process, the lock may have expired and belong to another.
            if self._call(self._cache.get, name) == mine:
                self._call(self._cache.delete, name)

    @staticmethod
    def _call(method: Callable[Args, Result], *args: Args.args, **kwargs: Args.kwargs) -> Result:
        """Call the cache; the errors of the backends share no base class."""
        try:
            return method(*args, **kwargs)
        except Exception as exc:
            raise StoreUnavailable(f"cache: {type(exc).__name__}") from exc

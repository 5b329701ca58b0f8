"""Rate limits: moving windows, shared through Redis when there is one.

When Redis cannot be reached each process counts by itself: stricter than nothing, never open, never
waiting (FLT-36).
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from provider.infrastructure import event_log
from provider.infrastructure.local_windows import LocalWindows, Step
from provider.infrastructure.shared_windows import SharedWindows

if TYPE_CHECKING:
    from limits import RateLimitItem

_SOCKET_TIMEOUT = 0.5
# How long Redis is left alone after a failure, so that an outage costs one wait and not one per request.
_PAUSE_SECONDS = 5.0


def import_library() -> None:
    """Import the counting library before forking, so that the processes need not each import it."""
    import limits  # noqa: F401


@lru_cache(maxsize=256)
def _item(limit: str, times: int = 1) -> "RateLimitItem":
    from limits import parse

    item = parse(limit)
    return type(item)(item.amount * times, item.multiples, namespace=item.namespace)


def step(limit: str, *key: str, times: int = 1, cost: int = 1, counts: bool = True) -> Step:
    """Return an attempt under a limit multiplied by `times`; without `counts` it is only checked."""
    return Step(_item(limit, times), key, cost, counts)


@dataclass(frozen=True, slots=True)
class _Limiters:
    """The counters of this process, and of Redis, if there is one, with the errors that mean it is away."""

    local: LocalWindows
    shared: "SharedWindows | None" = None
    failures: tuple[type[Exception], ...] = ()


class RateLimits:
    """Counts attempts under limits written like `10 per 5 minutes`."""

    def __init__(self, storage_url: str | None = None) -> None:
        self._storage_url = storage_url
        self._made: _Limiters | None = None
        self._making = threading.Lock()
        self._resting_until = 0.0

    def prepare(self) -> "_Limiters":
        """Create the counters and return them; otherwise the first attempt does so.

        Commands count no attempts, and the import would take a tenth of a short command's time, with Redis a
        third.
        """
        with self._making:
            if self._made is None:
                self._made = _make(self._storage_url)
            return self._made

    @property
    def _limiters(self) -> _Limiters:
        return self._made or self.prepare()

    def hit(self, limit: str, *key: str, times: int = 1, cost: int = 1) -> bool:
        """Count one attempt, or as many as it costs; return whether it is within `times` times the limit."""
        return self.first_refused([step(limit, *key, times=times, cost=cost)]) is None

    def test(self, limit: str, *key: str, times: int = 1) -> bool:
        """Return whether another attempt would be within `times` times the limit, without counting one."""
        return self.first_refused([step(limit, *key, times=times, counts=False)]) is None

    def first_refused(self, steps: Sequence[Step]) -> int | None:
        """Count attempts in their order up to the first beyond its limit; returns its place, or None.

        However many they are, Redis is asked once.
        """
        refused: int | None = self._ask(lambda windows: windows.first_refused(steps))
        return refused

    def wait(self, limit: str, *key: str, times: int = 1) -> float:
        """Return the seconds until another attempt is within `times` times the limit; 0 if one is now."""
        item = _item(limit, times)
        window = self._ask(lambda windows: windows.get_window_stats(item, *key))
        return 0 if window.remaining > 0 else max(0, window.reset_time - time.time())

    def clear(self, limit: str, *key: str, times: int = 1) -> None:
        """Forget the attempts made under a key, as after a success."""
        item = _item(limit, times)
        # Both memories forget: an attempt may have been counted here while Redis was away.
        self._limiters.local.clear(item, *key)
        if self._limiters.shared is not None:
            self._ask(lambda windows: windows.clear(item, *key))

    def _ask(self, question: "Callable[[LocalWindows | SharedWindows], Any]") -> Any:
        limiters = self._limiters
        if limiters.shared is not None and time.monotonic() >= self._resting_until:
            try:
                return question(limiters.shared)
            except limiters.failures as exc:
                self._resting_until = time.monotonic() + _PAUSE_SECONDS
                event_log.warning("rate_limits_count_locally", failure=type(exc).__name__)
        return question(limiters.local)


def _make(storage_url: str | None) -> _Limiters:
    import_library()
    local = LocalWindows()
    return _with_shared(local, storage_url) if storage_url else _Limiters(local)


def _with_shared(local: LocalWindows, url: str) -> _Limiters:
    """Return a limiter in Redis beside the local one."""
    # Imported here, because providers without a broker never need its half second.
    import redis
    from limits.storage import RedisStorage
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    # Celery calls a Unix socket redis+socket:, the Redis client calls it unix:.
    if urlsplit(url).scheme == "redis+socket":
        url = url.replace("redis+socket:", "unix:", 1)
    pool = redis.ConnectionPool.from_url(
        url,
        socket_timeout=_SOCKET_TIMEOUT,
        socket_connect_timeout=_SOCKET_TIMEOUT,
        retry=Retry(NoBackoff(), 0),
    )
    storage = RedisStorage(
        "redis://", connection_pool=pool, wrap_exceptions=False, key_prefix="curfew-limits"
    )
    return _Limiters(local, SharedWindows(storage), (redis.RedisError,))

"""How often something may be tried: moving windows, shared through Redis when there is one.

When Redis cannot be reached each process counts by itself: stricter than nothing, never open, never
waiting (FLT-36).
"""

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter

from provider.infrastructure import event_log

_SOCKET_TIMEOUT = 0.5
# After a failure Redis is not asked for so long, so that an outage costs one wait and not one per request.
_PAUSE_SECONDS = 5.0


@lru_cache(maxsize=256)
def _item(limit: str, times: int = 1) -> RateLimitItem:
    item = parse(limit)
    return type(item)(item.amount * times, item.multiples, namespace=item.namespace)


class RateLimits:
    """Counts attempts under limits written like `10 per 5 minutes`."""

    def __init__(self, storage_url: str | None = None) -> None:
        self._local = MovingWindowRateLimiter(MemoryStorage())
        self._shared: MovingWindowRateLimiter | None = None
        self._failures: tuple[type[Exception], ...] = ()
        if storage_url:
            self._shared, self._failures = _shared_limiter(storage_url)
        self._resting_until = 0.0

    def hit(self, limit: str, *key: str, times: int = 1, cost: int = 1) -> bool:
        """Count one attempt, or as many as it costs; return whether it is within so many times the limit."""
        return bool(self._ask(lambda limiter: limiter.hit(_item(limit, times), *key, cost=cost)))

    def test(self, limit: str, *key: str, times: int = 1) -> bool:
        """Return whether another attempt would be within so many times the limit, without counting one."""
        return bool(self._ask(lambda limiter: limiter.test(_item(limit, times), *key)))

    def wait(self, limit: str, *key: str, times: int = 1) -> float:
        """Return the seconds until another attempt is within so many times the limit; 0 if one is now."""
        item = _item(limit, times)
        window = self._ask(lambda limiter: limiter.get_window_stats(item, *key))
        return 0 if window.remaining > 0 else max(0, window.reset_time - time.time())

    def clear(self, limit: str, *key: str, times: int = 1) -> None:
        """Forget the attempts made under a key, as after a success."""
        item = _item(limit, times)
        # Both memories forget: an attempt may have been counted here while Redis was away.
        self._local.clear(item, *key)
        if self._shared is not None:
            self._ask(lambda limiter: limiter.clear(item, *key))

    def _ask(self, question: Callable[[MovingWindowRateLimiter], Any]) -> Any:
        if self._shared is not None and time.monotonic() >= self._resting_until:
            try:
                return question(self._shared)
            except self._failures as exc:
                self._resting_until = time.monotonic() + _PAUSE_SECONDS
                event_log.warning("rate_limits_count_locally", failure=type(exc).__name__)
        return question(self._local)


def _shared_limiter(url: str) -> tuple[MovingWindowRateLimiter, tuple[type[Exception], ...]]:
    """Return a limiter in Redis, and the errors that mean that it cannot be asked."""
    # Imported here, because commands and providers without a broker never need its half second.
    import redis
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
    return MovingWindowRateLimiter(storage), (redis.RedisError,)

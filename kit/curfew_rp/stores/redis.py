"""A store in Redis or Valkey, for any number of processes and nodes.

The server must not evict: `maxmemory-policy noeviction`. When its memory is full, it refuses to write; the
provider then gets a 503 and tries again.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import redis

from curfew_rp.errors import StoreUnavailable
from curfew_rp.stores.limits import LINKS_KEPT

TIMEOUT_SECONDS = 2.0
# Atomic on the server, so that of two logouts of one person the later one counts.
_RAISE_MARK = """
local known = redis.call('GET', KEYS[1])
local value = ARGV[1]
if known and tonumber(known) > tonumber(value) then value = known end
redis.call('SET', KEYS[1], value, 'PX', ARGV[2])
"""
Args = ParamSpec("Args")
Result = TypeVar("Result")


def _translated(method: Callable[Args, Result]) -> Callable[Args, Result]:
    """Raise StoreUnavailable for every error of the client or the server."""

    @wraps(method)
    def translated(*args: Args.args, **kwargs: Args.kwargs) -> Result:
        try:
            return method(*args, **kwargs)
        except redis.RedisError as exc:
            raise StoreUnavailable(f"Redis: {type(exc).__name__}") from exc

    return translated


class RedisStore:
    """Marks as strings, links as sorted sets by the instant at which they expire."""

    def __init__(self, client: "redis.Redis", *, prefix: str = "curfew_rp:") -> None:
        self._redis: Any = client
        self._mark = prefix + "mark:"
        self._link = prefix + "link:"
        self._raise_mark = self._redis.register_script(_RAISE_MARK)

    @classmethod
    def from_url(cls, url: str, *, prefix: str = "curfew_rp:") -> "RedisStore":
        """Return a store with a client of its own, which waits two seconds for a response."""
        client = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            health_check_interval=30,
        )
        return cls(client, prefix=prefix)

    def close(self) -> None:
        """Close its connections."""
        self._redis.close()

    @_translated
    def claim(self, key: str, seconds: float) -> bool:
        """Set a mark that does not exist yet."""
        return bool(self._redis.set(self._mark + key, time.time(), nx=True, px=_milliseconds(seconds)))

    @_translated
    def raise_mark(self, key: str, value: float, seconds: float) -> None:
        """Set a mark unless it is already greater."""
        self._raise_mark(keys=[self._mark + key], args=[repr(float(value)), _milliseconds(seconds)])

    @_translated
    def marks(self, keys: Sequence[str]) -> dict[str, float]:
        """Return the existing ones of these marks."""
        values = self._redis.mget([self._mark + key for key in keys])
        return {key: float(value) for key, value in zip(keys, values, strict=True) if value is not None}

    @_translated
    def link(self, keys: Iterable[str], member: str, seconds: float) -> None:
        """Add a member under each key."""
        now = time.time()
        with self._redis.pipeline(transaction=True) as pipe:
            for key in (self._link + key for key in keys):
                pipe.zadd(key, {member: now + seconds})
                pipe.zremrangebyscore(key, "-inf", now)
                pipe.zremrangebyrank(key, 0, -LINKS_KEPT - 1)
                pipe.pexpire(key, _milliseconds(seconds))
            pipe.execute()

    @_translated
    def members(self, key: str) -> list[str]:
        """Return the members under a key."""
        found = self._redis.zrangebyscore(self._link + key, time.time(), "+inf")
        return [member if isinstance(member, str) else member.decode() for member in found]

    @_translated
    def unlink(self, keys: Iterable[str], members: Iterable[str]) -> None:
        """Remove members under each key."""
        gone = list(members)
        if not gone:
            return
        with self._redis.pipeline(transaction=True) as pipe:
            for key in keys:
                pipe.zrem(self._link + key, *gone)
            pipe.execute()


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))

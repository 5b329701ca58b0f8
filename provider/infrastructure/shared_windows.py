"""Moving windows counted in Redis, several of them in one round trip.

They have the format of the library `limits`, which reads their state and clears them.
"""

import math
import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from provider.infrastructure.local_windows import Step

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.storage import RedisStorage

# A connection that was idle for longer may have been closed by a restart, or by something in between.
_TRUSTED_SECONDS = 1.0
_NEVER = -math.inf
# The library's check for each key in order, up to the first that is refused.
_FIRST_REFUSED = b"""
local now = tonumber(ARGV[1])
for i, key in ipairs(KEYS) do
    local limit, span, cost = tonumber(ARGV[4 * i - 2]), tonumber(ARGV[4 * i - 1]), tonumber(ARGV[4 * i])
    if cost > limit then
        return i
    end
    local entry = redis.call('lindex', key, limit - cost)
    if entry and tonumber(entry) >= now - span then
        return i
    end
    if ARGV[4 * i + 1] == '1' then
        for _ = 1, cost do
            redis.call('lpush', key, ARGV[1])
        end
        redis.call('ltrim', key, 0, limit - 1)
        redis.call('expire', key, span)
    end
end
return 0
"""


class SharedWindows:
    """The attempts under each key within the span of its limit, as all processes count them."""

    def __init__(self, storage: "RedisStorage") -> None:
        from limits.strategies import MovingWindowRateLimiter
        from redis.exceptions import NoScriptError, RedisError

        self._storage = storage
        self._limiter = MovingWindowRateLimiter(storage)
        client: Any = storage.get_connection()
        self._pool, self._script = client.connection_pool, client.register_script(_FIRST_REFUSED)
        self._is_unknown, self._failure = NoScriptError, RedisError
        # Idle connections with the time of their last use; the most recently used one is last.
        self._idle: list[tuple[Any, float]] = []
        self._process = os.getpid()

    def first_refused(self, steps: Sequence[Step]) -> int | None:
        """Take steps in order up to the first that exceeds its limit; returns its index, or None."""
        keys = [self._storage.prefixed_key(step.item.key_for(*step.key)) for step in steps]
        arguments: list[float] = [time.time()]
        for step in steps:
            arguments += [step.item.amount, step.item.get_expiry(), step.cost, int(step.counts)]
        try:
            place = self._ask("EVALSHA", self._script.sha, str(len(keys)), *keys, *map(str, arguments))
        except self._is_unknown:
            place = self._script(keys, arguments)
        return int(place) - 1 if place else None

    def get_window_stats(self, item: "RateLimitItem", *key: str) -> Any:
        """Return how the window of a key stands now."""
        return self._limiter.get_window_stats(item, *key)

    def clear(self, item: "RateLimitItem", *key: str) -> None:
        """Forget the attempts under a key."""
        self._ask("DEL", self._storage.prefixed_key(item.key_for(*key)))

    def _ask(self, *command: str) -> Any:
        """Send a command and return its response; the client's layers would take three times as long."""
        connection, used_at = self._take()
        try:
            if time.monotonic() - used_at > _TRUSTED_SECONDS:
                self._make_sure(connection)
            connection.send_packed_command([_packed(command)])
            response = connection.read_response()
        except BaseException:
            # This command's response must not be taken for that of a later command.
            connection.disconnect()
            # Kept all the same: the pool counts the connections that it makes, and may have a maximum.
            self._idle.insert(0, (connection, _NEVER))
            raise
        self._idle.append((connection, time.monotonic()))
        return response

    def _take(self) -> tuple[Any, float]:
        """Return a connection for exclusive use, and when it was last used."""
        if self._process != os.getpid():
            # Those of the process that forked this one are still used there.
            self._process, self._idle = os.getpid(), []
        try:
            return self._idle.pop()
        except IndexError:
            return self._pool.make_connection(), _NEVER

    def _make_sure(self, connection: Any) -> None:
        connection.connect()
        try:
            # Nothing should be readable yet, unless the connection was closed meanwhile.
            is_closed = connection.can_read()
        except self._failure:
            is_closed = True
        if is_closed:
            connection.disconnect()
            connection.connect()


def _packed(command: Sequence[str]) -> bytes:
    """Return a command as Redis reads it: the number of its parts, and each with its length."""
    parts = [part.encode() for part in command]
    return b"*%d\r\n" % len(parts) + b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts])

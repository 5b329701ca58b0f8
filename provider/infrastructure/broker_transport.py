"""kombu's transport for Redis with one client for each connection.

kombu makes a client for each message, which takes three times as many function calls as the command (LIB-26).
"""

from typing import Any

from kombu.transport import redis


class Channel(redis.Channel):
    """A channel that sends all of its messages by the same client."""

    _sender: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:
            return super()._create_client(asynchronous=True)  # type: ignore[no-untyped-call]
        # After the channel has closed its connections, as in a forked process, there is a new pool.
        if self._sender is None or self._sender.connection_pool is not self.pool:
            self._sender = super()._create_client()  # type: ignore[no-untyped-call]
        return self._sender


class Transport(redis.Transport):
    """A transport that makes such channels."""

    Channel = Channel

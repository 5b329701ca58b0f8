"""Slots for fetching what clients publish: limits on the threads that wait for one host or registrant.

A self-registered client names addresses that we call before it has proven anything, and a host that does not
answer holds the thread of every request that waits for it. So one host and one registrant get few of the
slots, and registrants whose hosts hung lately share fewer still; other clients are served meanwhile. The
operator's own clients are limited only by host.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from provider.clients.models import Client
from provider.infrastructure import current
from provider.protocol.uri import MalformedURI, parse_web_uri

# Per process, out of its request threads, which are 16 unless the operator sets another number.
MOST_SELF_REGISTERED = 6
MOST_LOGOS = 6
MOST_PER_REGISTRANT = 2
# One more, so that no single registrant can keep the others from a host that they share.
MOST_PER_HOST = 3
MOST_PER_HOST_OF_OPERATOR = 4
MOST_OF_RESTING = 2
# Hosts that have not yet responded quickly share this part, so that they cannot take all slots.
_PART_OF_UNPROVEN = 0.75
# Seconds. How long a request waits for a slot, while a quick host could still free one.
PATIENCE = 0.5
# A fetch that takes longer than HANGS counts as hanging, and its registrant then rests for REST.
HANGS = 1.0
REST = 300.0
_MOST_WAITING = 8
_MOST_REMEMBERED = 1000


class NoSlotFree(Exception):
    """Too many requests wait for this host, this registrant, or self-registered clients in total."""


@dataclass(frozen=True, slots=True, eq=False)
class _Fetch:
    """A fetch in progress; `registrant` is None for the operator's clients."""

    host: str
    registrant: str | None
    started_at: float
    is_proven: bool
    is_resting: bool


class FetchSlots:
    """Gives slots to fetches; shared by the threads of a process."""

    def __init__(self, most: int, *, now: Callable[[], float] = time.monotonic) -> None:
        self._most, self._now = most, now
        self._changed = threading.Condition()
        self._under_way: list[_Fetch] = []
        self._waiting = 0
        # Hosts that responded quickly, and when they last did.
        self._proven: dict[str, float] = {}
        self._resting_until: dict[str, float] = {}

    @contextmanager
    def hold(self, url: str, registrant: str | None, *, patience: float = PATIENCE) -> Iterator[None]:
        """Hold a slot while a URL is fetched. Raises NoSlotFree.

        `registrant` identifies the registrant of the client; None for the operator's clients.
        """
        fetch = self._take(_host_of(url), registrant, patience)
        try:
            yield
        finally:
            self._give_back(fetch)

    def _take(self, host: str, registrant: str | None, patience: float) -> _Fetch:
        give_up_at = self._now() + patience
        with self._changed:
            while not self._has_room(host, registrant):
                left = give_up_at - self._now()
                if left <= 0 or self._waiting >= _MOST_WAITING or self._is_stuck(host, registrant):
                    raise NoSlotFree
                self._waiting += 1
                try:
                    self._changed.wait(left)
                finally:
                    self._waiting -= 1
            fetch = _Fetch(host, registrant, self._now(), host in self._proven, self._is_resting(registrant))
            self._under_way.append(fetch)
        return fetch

    def _give_back(self, fetch: _Fetch) -> None:
        with self._changed:
            self._under_way.remove(fetch)
            if self._now() - fetch.started_at > HANGS:
                self._proven.pop(fetch.host, None)
                if fetch.registrant is not None:
                    _remember(self._resting_until, fetch.registrant, self._now() + REST)
            else:
                _remember(self._proven, fetch.host, self._now())
            self._changed.notify_all()

    def _has_room(self, host: str, registrant: str | None) -> bool:
        at_host = sum(fetch.host == host for fetch in self._under_way)
        if registrant is None:
            return at_host < MOST_PER_HOST_OF_OPERATOR
        others = [fetch for fetch in self._under_way if fetch.registrant is not None]
        own = sum(fetch.registrant == registrant for fetch in others)
        # When half of the slots are taken, each registrant gets one.
        most_own = MOST_PER_REGISTRANT if len(others) < self._most // 2 else 1
        if at_host >= MOST_PER_HOST or own >= most_own or len(others) >= self._most:
            return False
        if host in self._proven:
            return True
        if self._is_resting(registrant) and sum(fetch.is_resting for fetch in others) >= MOST_OF_RESTING:
            return False
        return sum(not fetch.is_proven for fetch in others) < self._most * _PART_OF_UNPROVEN

    def _is_stuck(self, host: str, registrant: str | None) -> bool:
        """Return whether a fetch in the way is already slow: waiting for it would hold another thread."""
        old = self._now() - PATIENCE
        return any(
            fetch.started_at < old
            for fetch in self._under_way
            if fetch.host == host or (registrant is not None and fetch.registrant == registrant)
        )

    def _is_resting(self, registrant: str | None) -> bool:
        return registrant is not None and self._resting_until.get(registrant, 0.0) > self._now()


def documents() -> FetchSlots:
    """Return the slots for keys, request objects and sector documents, for which a request waits."""
    return current.memo("fetch-slots", lambda: FetchSlots(MOST_SELF_REGISTERED))


def logos() -> FetchSlots:
    """Return the slots for logos; a page can do without a logo."""
    return current.memo("fetch-slots-of-logos", lambda: FetchSlots(MOST_LOGOS))


def registrant_of(client: Client) -> str | None:
    """Return the registrant of a client, or None if the operator registered it."""
    if not client.self_registered:
        return None
    return client.registrant or f"client:{client.id}"


def _remember(memory: dict[str, float], name: str, instant: float) -> None:
    memory.pop(name, None)
    if len(memory) >= _MOST_REMEMBERED:
        del memory[next(iter(memory))]
    memory[name] = instant


def _host_of(url: str) -> str:
    try:
        return parse_web_uri(url).host
    except MalformedURI:
        return url

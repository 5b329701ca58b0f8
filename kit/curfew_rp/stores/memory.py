"""A store in the memory of one process: for tests, and for an app of one process that may lose the data.

After a restart all logouts are forgotten, so ended sessions in cookies would be accepted again.
"""

import threading
import time
from collections.abc import Iterable, Sequence

from curfew_rp.stores.limits import LINKS_KEPT

_SECONDS_BETWEEN_PRUNINGS = 60.0


class MemoryStore:
    """Marks and links in dictionaries, behind one lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._marks: dict[str, tuple[float, float]] = {}
        self._links: dict[str, dict[str, float]] = {}
        self._pruned_at = time.monotonic()

    def claim(self, key: str, seconds: float) -> bool:
        """Set a mark that does not exist yet."""
        with self._lock:
            if self._mark(key) is not None:
                return False
            self._set(key, time.time(), seconds)
            return True

    def raise_mark(self, key: str, value: float, seconds: float) -> None:
        """Set a mark unless it is already greater."""
        with self._lock:
            known = self._mark(key)
            self._set(key, value if known is None else max(known, value), seconds)

    def marks(self, keys: Sequence[str]) -> dict[str, float]:
        """Return the existing ones of these marks."""
        with self._lock:
            return {key: value for key in keys if (value := self._mark(key)) is not None}

    def link(self, keys: Iterable[str], member: str, seconds: float) -> None:
        """Add a member under each key."""
        with self._lock:
            self._prune()
            for key in keys:
                linked = self._links.setdefault(key, {})
                linked.pop(member, None)
                linked[member] = time.monotonic() + seconds
                if len(linked) > LINKS_KEPT:
                    del linked[next(iter(linked))]

    def members(self, key: str) -> list[str]:
        """Return the members under a key."""
        now = time.monotonic()
        with self._lock:
            return [member for member, until in self._links.get(key, {}).items() if until > now]

    def unlink(self, keys: Iterable[str], members: Iterable[str]) -> None:
        """Remove members under each key."""
        gone = list(members)
        with self._lock:
            for key in keys:
                linked = self._links.get(key, {})
                for member in gone:
                    linked.pop(member, None)
                if not linked:
                    self._links.pop(key, None)

    def _mark(self, key: str) -> float | None:
        value, until = self._marks.get(key, (0.0, 0.0))
        return value if until > time.monotonic() else None

    def _set(self, key: str, value: float, seconds: float) -> None:
        self._prune()
        self._marks[key] = (value, time.monotonic() + seconds)

    def _prune(self) -> None:
        """Forget what has expired, at most once a minute."""
        now = time.monotonic()
        if now - self._pruned_at < _SECONDS_BETWEEN_PRUNINGS:
            return
        self._pruned_at = now
        self._marks = {key: mark for key, mark in self._marks.items() if mark[1] > now}
        for key, linked in list(self._links.items()):
            self._links[key] = {member: until for member, until in linked.items() if until > now}
            if not self._links[key]:
                del self._links[key]

"""Endpoint health as this worker last read it, with the addresses that clients have moved to since."""

import math
import time
from collections.abc import Callable, Mapping
from uuid import UUID

from provider.delivery import health_rows
from provider.delivery.models import BreakerState, EndpointHealth
from provider.infrastructure.database import db, reading

# Seconds that what was read may be old.
_FRESH_FOR = 1.0

# Where these clients are called now; given the addresses at which they failed.
CurrentURLs = Callable[[Mapping[UUID, str | None]], Mapping[UUID, str | None]]


class KnownHealth:
    """The rows of endpoints that fail or whose breakers are not closed; used by one thread."""

    def __init__(self, current_urls: CurrentURLs) -> None:
        self._current_urls = current_urls
        self._rows: dict[UUID, EndpointHealth] = {}
        # The clients that fail at each origin.
        self._failing_at: dict[str, set[UUID]] = {}
        # Clients that are not called, and have another address now than the one that failed.
        self.new_urls: dict[UUID, str | None] = {}
        self._read_at = -math.inf

    def __contains__(self, client_id: UUID) -> bool:
        return client_id in self._rows

    def get(self, client_id: UUID) -> EndpointHealth | None:
        """Return what is known of an endpoint; None if it was healthy."""
        return self._rows.get(client_id)

    def put(self, row: EndpointHealth) -> None:
        """Keep a row as it has just been written."""
        self._rows[row.client_id] = row

    def list_failing_beside(self, client_id: UUID, url: str) -> set[UUID]:
        """Return the other clients that fail at the same origin."""
        if not self._failing_at:
            return set()
        return self._failing_at.get(_origin_of(url), set()) - {client_id}

    def expire(self) -> None:
        """Read anew next time, because something was written meanwhile."""
        self._read_at = -math.inf

    def refresh(self) -> None:
        """Read what all workers have written, if that was not done lately."""
        if time.monotonic() - self._read_at < _FRESH_FOR:
            return
        self._read_at = time.monotonic()
        with reading():
            found = health_rows.list_failing()
            shut = {row.client_id: row.url for row in found if row.state != BreakerState.CLOSED}
            urls = self._current_urls(shut) if shut else {}
        db.session.expunge_all()
        self._rows = {row.client_id: row for row in found}
        self._failing_at = {}
        for row in found:
            if row.url is not None:
                self._failing_at.setdefault(_origin_of(row.url), set()).add(row.client_id)
        # A failure at another address says nothing about this one.
        self.new_urls = {key: urls.get(key) for key, url in shut.items() if urls.get(key) != url}


def _origin_of(url: str) -> str:
    return "/".join(url.split("/")[:3]).lower()

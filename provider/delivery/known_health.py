"""Endpoint health as this worker last read it, with the addresses that recipients have moved to since."""

import math
import time
from collections.abc import Callable, Mapping

from provider.delivery import health_rows
from provider.delivery.models import BreakerState, EndpointHealth
from provider.delivery.recipient import Recipient
from provider.infrastructure.database import db, reading

# Seconds after which the rows are read again.
_FRESH_FOR = 1.0

# Returns the current addresses of recipients, given the addresses at which they failed.
CurrentURLs = Callable[[Mapping[Recipient, str | None]], Mapping[Recipient, str | None]]


class KnownHealth:
    """The rows of endpoints that fail or whose breakers are not closed; used by one thread."""

    def __init__(self, current_urls: CurrentURLs) -> None:
        self._current_urls = current_urls
        self._rows: dict[Recipient, EndpointHealth] = {}
        # The recipients that fail at each origin.
        self._failing_at: dict[str, set[Recipient]] = {}
        # Recipients that are held back, and whose address has changed since it failed.
        self.new_urls: dict[Recipient, str | None] = {}
        self._read_at = -math.inf

    def __contains__(self, recipient: Recipient) -> bool:
        return recipient in self._rows

    def get(self, recipient: Recipient) -> EndpointHealth | None:
        """Return what is known of an endpoint; None if it was healthy."""
        return self._rows.get(recipient)

    def put(self, row: EndpointHealth) -> None:
        """Keep a row as it has just been written."""
        self._rows[row.recipient] = row

    def list_failing_beside(self, recipient: Recipient, url: str) -> set[Recipient]:
        """Return the other recipients that fail at the same origin."""
        if not self._failing_at:
            return set()
        return self._failing_at.get(_origin_of(url), set()) - {recipient}

    def expire(self) -> None:
        """Read the rows again next time, because something has been written."""
        self._read_at = -math.inf

    def refresh(self) -> None:
        """Read what all workers have written, unless that was done recently."""
        if time.monotonic() - self._read_at < _FRESH_FOR:
            return
        self._read_at = time.monotonic()
        with reading():
            found = health_rows.list_failing()
            shut = {row.recipient: row.url for row in found if row.state != BreakerState.CLOSED}
            urls = self._current_urls(shut) if shut else {}
        db.session.expunge_all()
        self._rows = {row.recipient: row for row in found}
        self._failing_at = {}
        for row in found:
            if row.url is not None:
                self._failing_at.setdefault(_origin_of(row.url), set()).add(row.recipient)
        # A failure at another address says nothing about this one.
        self.new_urls = {key: urls.get(key) for key, url in shut.items() if urls.get(key) != url}


def _origin_of(url: str) -> str:
    return "/".join(url.split("/")[:3]).lower()

"""Counts requests and measures their time, by the endpoint that answered."""

import time

from flask import Request, Response

from provider.infrastructure import metrics
from provider.web.notes import notes

# Unknown addresses share one label, because their number is unlimited.
_NOWHERE = "none"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def begin() -> None:
    """Note when a request began."""
    notes()["begun"] = time.perf_counter()


def count(request: Request, response: Response) -> None:
    """Count a request and the time since it began."""
    endpoint = (request.endpoint or _NOWHERE).rpartition(".")[2]
    method = request.method if request.method in _METHODS else "other"
    begun = notes().get("begun")
    seconds = None if begun is None else time.perf_counter() - begun
    metrics.count_request(endpoint, method, response.status_code, seconds)

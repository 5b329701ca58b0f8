"""Counts requests and measures their time, by the endpoint that answered."""

import time
from functools import cache

from flask import Request, Response
from prometheus_client import Counter, Histogram

from provider.infrastructure import metrics
from provider.web.notes import notes

# Unknown addresses have one label in common, because their number is unlimited.
_NOWHERE = "none"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def begin() -> None:
    """Note when a request began."""
    notes()["begun"] = time.perf_counter()


def count(request: Request, response: Response) -> None:
    """Count a request and the time since it began."""
    endpoint = (request.endpoint or _NOWHERE).rpartition(".")[2]
    method = request.method if request.method in _METHODS else "other"
    _counter(endpoint, method, response.status_code).inc()
    begun = notes().get("begun")
    if begun is not None:
        _timer(endpoint).observe(time.perf_counter() - begun)


# Bound once: finding a metric by its labels takes longer than to count.
@cache
def _counter(endpoint: str, method: str, status: int) -> Counter:
    return metrics.REQUESTS.labels(endpoint, method, str(status))


@cache
def _timer(endpoint: str) -> Histogram:
    return metrics.REQUEST_SECONDS.labels(endpoint)

"""Every metric, declared here and nowhere else.

Counters and histograms belong to the process that counts. Values that the database knows better are gauges,
measured anew at each scrape and so the same whichever process is asked. `docs/alerts.yml` and
`docs/dashboard.json` use these names; a test compares. No label ever holds a person, a token or an
address (KEY-27).
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST
# If this names a folder, all processes that use it count into it together and any of them reports the
# sum; prometheus_client reads it when it is imported, so it must be set before.
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
# From a first attempt that succeeds to the end of the schedule (DLV-09).
_TOLD_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400, 259200)
_REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2.5, 5, 10)

_registry = CollectorRegistry()


@dataclass(frozen=True, slots=True)
class Declared:
    """A metric as the reference shows it; `name` is what Prometheus stores it under."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


_counted_here: list[Declared] = []


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    _counted_here.append(Declared(f"{name}_total", "counter", labels, meaning))
    return Counter(name, meaning, labels, registry=_registry)


def _histogram(name: str, meaning: str, *labels: str, buckets: Sequence[float]) -> Histogram:
    _counted_here.append(Declared(name, "histogram", labels, meaning))
    return Histogram(name, meaning, labels, buckets=buckets, registry=_registry)


# The meaning of the labels.
LABELS = {
    "client_id": "the client, by its id",
    "duty": "a periodic duty of the workers, by its name",
    "endpoint": "the name of the route that answered",
    "kind": "the kind of delivery, such as `backchannel_logout`",
    "method": "the HTTP method",
    "outcome": "the result: of a sign-in `succeeded` or `refused`, of an attempt `accepted`, `timeout` etc.",
    "punctuality": "`in_time` (within 60 s), `unreachable` (missed by the app) or `late` (by the provider)",
    "reason": "the cause of a logout, such as `rp_initiated` or `idle_timeout`",
    "scope": "the scope of a logout, `app`, `browser`, `others` or `everywhere`",
    "state": "the state of a delivery",
    "status": "the HTTP status",
    "table": "a table of the database",
    "target": "a place of `CURFEW_AUDIT_ANCHORS`, without the query of a URL",
    "tries": "`first` when one attempt was enough, `later` otherwise",
}

DELIVERY_ATTEMPTS = _counter(
    "curfew_delivery_attempts", "Attempts to notify an app, by result.", "kind", "outcome"
)
DELIVERIES_FINISHED = _counter(
    "curfew_deliveries_finished", "Deliveries that reached a final state.", "state", "tries"
)
TIME_TO_NOTIFIED = _histogram(
    "curfew_time_to_told_seconds",
    "Time from the logout to the app's confirmation.",
    "client_id",
    buckets=_TOLD_BUCKETS,
)
NOTIFICATIONS_JUDGED = _counter(
    "curfew_notifications_judged",
    "Notifications of logouts, judged 75 seconds after they were owed.",
    "client_id",
    "punctuality",
)
LOGOUTS = _counter("curfew_endings", "Logouts, by cause and scope.", "reason", "scope")
SIGN_INS = _counter("curfew_sign_ins", "Attempts to sign in, by result.", "outcome")
REQUESTS = _counter("curfew_http_requests", "Requests answered.", "endpoint", "method", "status")
REQUEST_SECONDS = _histogram(
    "curfew_http_request_seconds", "Time to answer a request.", "endpoint", buckets=_REQUEST_BUCKETS
)


def count_request(endpoint: str, method: str, status: int, seconds: float | None) -> None:
    """Count a request by labels with few values, and its time if it was measured."""
    _requests(endpoint, method, status).inc()
    if seconds is not None:
        _request_seconds(endpoint).observe(seconds)


# Bound once: finding a metric by its labels takes longer than to count.
@cache
def _requests(endpoint: str, method: str, status: int) -> Counter:
    return REQUESTS.labels(endpoint, method, str(status))


@cache
def _request_seconds(endpoint: str) -> Histogram:
    return REQUEST_SECONDS.labels(endpoint)


# To Prometheus, a counter that first appears as 1 has not risen: counters that alerts watch start at 0, or
# the first event in a process would go unnoticed.
_FROM_ZERO = (
    (DELIVERIES_FINISHED, ("expired", "first")),
    (DELIVERIES_FINISHED, ("expired", "later")),
    (LOGOUTS, ("refresh_replay", "app")),
)


@dataclass(frozen=True, slots=True)
class Gauge:
    """Something that is measured when it is asked for."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()

    def reads(self, value: float, *labels: str) -> "Sample":
        """Return a reading of this gauge."""
        return Sample(self, value, labels)


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading of a gauge."""

    gauge: Gauge
    value: float
    labels: tuple[str, ...]


DATABASE_UP = Gauge(
    "curfew_database_up", "1 while the database answers, otherwise 0, without the other gauges."
)
OLDEST_DUE = Gauge(
    "curfew_delivery_oldest_due_seconds",
    "How long the oldest due delivery has waited for a worker; those that a breaker holds do not count.",
)
DELIVERIES = Gauge(
    "curfew_deliveries",
    "Deliveries by state; accepted ones are counted only by curfew_deliveries_finished_total.",
    ("state",),
)
BREAKERS = Gauge(
    "curfew_endpoint_breaker_state",
    "Circuit breaker of an endpoint that has failed: 0 closed, 1 half-open, 2 open (its deliveries wait).",
    ("kind", "client_id"),
)
FAILING = Gauge(
    "curfew_endpoint_failing_seconds",
    "Time since an endpoint last confirmed, while it fails; 0 while it works.",
    ("kind", "client_id"),
)
REFUSING = Gauge(
    "curfew_endpoint_refusing",
    "1 while an endpoint answers, but not with success, for at least the second time.",
    ("kind", "client_id"),
)
SWEEPER_HEARTBEAT = Gauge(
    "curfew_sweeper_heartbeat_age_seconds", "Age of the last heartbeat of a sweeping worker."
)
DUTY_AGE = Gauge("curfew_duty_age_seconds", "Time since a periodic duty was last done.", ("duty",))
PRUNING_OVERDUE = Gauge(
    "curfew_pruning_overdue_seconds",
    "How long the oldest row of a table is overdue for deletion; about a minute while pruning keeps up.",
    ("table",),
)
ANCHOR_AGE = Gauge(
    "curfew_audit_anchor_age_seconds",
    "Time since the end of the audit chain was anchored at a target, or since it was first tried.",
    ("target",),
)
ANCHOR_FAILING = Gauge(
    "curfew_audit_anchor_failing",
    "1 while a target of anchors fails, or was not served in time.",
    ("target",),
)
CLOCK_OFFSET = Gauge(
    "curfew_clock_offset_seconds",
    "How far the database's clock is ahead of that of the answering process, which corrects for it.",
)
GAUGES = (
    DATABASE_UP,
    OLDEST_DUE,
    DELIVERIES,
    BREAKERS,
    FAILING,
    REFUSING,
    SWEEPER_HEARTBEAT,
    DUTY_AGE,
    PRUNING_OVERDUE,
    ANCHOR_AGE,
    ANCHOR_FAILING,
    CLOCK_OFFSET,
)


def declared() -> list[Declared]:
    """Return every metric, in the order of declaration."""
    gauges = [Declared(gauge.name, "gauge", gauge.labels, gauge.meaning) for gauge in GAUGES]
    return [*_counted_here, *gauges]


def names() -> set[str]:
    """Return every name that can be queried in Prometheus."""
    counted = {
        f"{metric.name}{suffix}"
        for metric in _registry.collect()
        for suffix in (("_total",) if metric.type == "counter" else ("_bucket", "_count", "_sum"))
    }
    return counted | {gauge.name for gauge in GAUGES}


def expose(samples: Iterable[Sample]) -> bytes:
    """Write what was counted, and these readings, in Prometheus' text format."""
    for counter, labels in _FROM_ZERO:
        counter.labels(*labels)
    readings = CollectorRegistry()
    readings.register(_Readings(samples))
    return generate_latest(_counted()) + generate_latest(readings)


def _counted() -> CollectorRegistry:
    """Return the counters of this process, or of all processes that count into the same folder."""
    if SHARED_FOLDER not in os.environ:
        return _registry
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]  # the library does not say what it takes.
    return together


class _Readings(Collector):
    """Gives out readings, those of one gauge together."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._families: dict[Gauge, GaugeMetricFamily] = {}
        for sample in samples:
            gauge = sample.gauge
            if gauge not in self._families:
                self._families[gauge] = GaugeMetricFamily(gauge.name, gauge.meaning, labels=gauge.labels)
            self._families[gauge].add_metric(sample.labels, sample.value)

    def collect(self) -> Iterator[Metric]:
        """Return the families."""
        yield from self._families.values()

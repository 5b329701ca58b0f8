"""Endpoints that have failed for long: somebody must know, and know again every day (DLV-15).

Nothing is ever switched off because of it: an endpoint that is not told of sign-outs is a hole, and
one that is silently given up is a hole that nobody sees.
"""

from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.clients.models import Client
from provider.delivery import degraded
from provider.infrastructure import clock, current, event_log
from provider.infrastructure.database import db, transaction


def report_degraded() -> None:
    """Report every endpoint that has become degraded, or is it still a day after it was reported."""
    with transaction():
        for health in degraded.take_to_report(clock.now(), current.settings().endpoint_degraded_after):
            client = db.session.get(Client, health.client_id)
            client_id = client.client_id if client else None
            since = health.failing_since.isoformat() if health.failing_since else None
            waiting = degraded.count_waiting(health.client_id)
            event_log.warning(
                "endpoint_degraded",
                client_id=client_id,
                failing_since=since,
                outcome=health.last_outcome,
                waiting=waiting,
            )
            record(
                EventTag.ENDPOINT_DEGRADED,
                actor="system",
                client_id=client_id,
                failing_since=since,
                outcome=health.last_outcome,
                waiting=waiting,
            )

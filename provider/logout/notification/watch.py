"""Report endpoints that have failed for a long time, and report them again every day (DLV-15).

This switches no endpoint off: an app that is not notified of logouts is a gap, and an app that is given up
silently is a gap that no operator sees.
"""

from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.clients.models import Client
from provider.delivery import degraded
from provider.infrastructure import clock, current, event_log
from provider.infrastructure.database import db, transaction
from provider.logout.notice import BACKCHANNEL_LOGOUT


def report_degraded() -> None:
    """Report every endpoint that has become degraded, or still is a day after the last report."""
    with transaction():
        after = current.settings().endpoint_degraded_after
        for health in degraded.take_to_report(BACKCHANNEL_LOGOUT, clock.now(), after):
            client = db.session.get(Client, health.recipient_id)
            client_id = client.client_id if client else None
            since = health.failing_since.isoformat() if health.failing_since else None
            waiting = degraded.count_waiting(health.recipient)
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

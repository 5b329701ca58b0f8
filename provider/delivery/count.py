"""Count how attempts went, for Prometheus (DLV-18)."""

from provider.delivery.attempt import Report
from provider.delivery.finish import state_after
from provider.delivery.judge import Accepted
from provider.delivery.outgoing import ClaimedDelivery
from provider.infrastructure import clock, metrics


def count(claimed: ClaimedDelivery, report: Report) -> None:
    """Count one attempt that was written down; called after the commit."""
    exchange, verdict, state = report.exchange, report.verdict, state_after(report)
    outcome = exchange.outcome if exchange else getattr(verdict, "outcome", None)
    # Without either word nothing was sent: by our own fault, or because it would have done harm.
    metrics.DELIVERY_ATTEMPTS.labels(claimed.kind, outcome or type(verdict).__name__.lower()).inc()
    if not state.is_final:
        return
    tries = "first" if claimed.attempt_number == 1 else "later"
    metrics.DELIVERIES_FINISHED.labels(state.value, tries).inc()
    if exchange and isinstance(verdict, Accepted):
        told_after = (clock.now() - claimed.created_at).total_seconds()
        metrics.TIME_TO_TOLD.labels(exchange.recipient).observe(max(0.0, told_after))

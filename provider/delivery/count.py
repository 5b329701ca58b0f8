"""Count how attempts went, for Prometheus (DLV-18)."""

from collections import Counter
from collections.abc import Sequence

from provider.delivery.attempt import AttemptResult
from provider.delivery.finish import Ended, state_after
from provider.infrastructure import metrics


def count(ended: Sequence[Ended]) -> None:
    """Count attempts that were written down; called after the commit."""
    outcomes: Counter[tuple[str, str]] = Counter()
    finished: Counter[tuple[str, str]] = Counter()
    for leased, result in ended:
        outcomes[leased.kind, _outcome(result)] += 1
        state = state_after(result)
        if state.is_final:
            finished[state.value, "first" if leased.attempt_number == 1 else "later"] += 1
    for labels, times in outcomes.items():
        metrics.DELIVERY_ATTEMPTS.labels(*labels).inc(times)
    for labels, times in finished.items():
        metrics.DELIVERIES_FINISHED.labels(*labels).inc(times)


def _outcome(result: AttemptResult) -> str:
    outcome = result.sent.outcome if result.sent else getattr(result.verdict, "outcome", None)
    # Without an outcome nothing was sent, by a fault of our own or because it would have done harm.
    return outcome or type(result.verdict).__name__.lower()

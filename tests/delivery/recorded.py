"""An owner of results, and the leased deliveries and attempts that they are of."""

from collections.abc import Sequence
from contextlib import nullcontext

import pytest

from provider.delivery.finish import Ended
from provider.delivery.lease import lease_due
from provider.delivery.outgoing import LeasedDelivery, SentRequest
from provider.delivery.results import Results
from provider.delivery.selection import Capacity
from provider.infrastructure import event_log
from provider.infrastructure.database import transaction
from provider.logout.notice import BACKCHANNEL_LOGOUT
from tests.delivery.owing import sign_out_at
from tests.delivery.permits import without_limit
from tests.factories import make_client


class Recorded:
    """An owner that notes what has reached its final state, and fails for some of it."""

    def __init__(self) -> None:
        self.final: list[LeasedDelivery] = []
        self.refused: LeasedDelivery | None = None
        self.calls = 0
        self.batches: list[int] = []
        self.results = Results(self._record, nullcontext(), self._tell)

    def _record(self, ended: Sequence[Ended]) -> None:
        if self.refused in [leased for leased, _ in ended]:
            raise LookupError("out of order")
        self.final += [leased for leased, _ in ended]
        self.batches.append(len(ended))

    def _tell(self) -> None:
        self.calls += 1


def lease(count: int) -> list[LeasedDelivery]:
    """Owe red so many notifications and lease them, in the order of their ids."""
    with event_log.correlated("the click"):
        sign_out_at(make_client("red"), count=count)
    with transaction():
        lease = lease_due(Capacity(count, count), without_limit, [BACKCHANNEL_LOGOUT], "me")
    return sorted((leased for leased, _ in lease.taken), key=lambda one: one.id)


def sent(outcome: str, status: int | None = None, name: str = "red") -> SentRequest:
    return SentRequest(
        url="https://red.test", jti="j", name=name, outcome=outcome, status=status, latency_ms=7
    )


def logged(caplog: pytest.LogCaptureFixture, event: str) -> list[tuple[str, dict[str, object], bool]]:
    return [
        (one.levelname, one.fields, bool(one.exc_info))  # type: ignore[attr-defined]
        for one in caplog.records
        if one.message == event
    ]

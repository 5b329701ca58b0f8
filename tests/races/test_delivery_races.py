"""Workers that want the same row, whose lease has run out (RACE-13)."""

import pytest
from sqlalchemy import select, update

from provider.delivery.attempt import AttemptResult
from provider.delivery.finish import finish
from provider.delivery.judge import Accepted
from provider.delivery.lease import lease_due
from provider.delivery.models import Delivery, DeliveryAttempt
from provider.delivery.outgoing import LeasedDelivery, SentRequest
from provider.delivery.selection import Capacity
from provider.infrastructure import clock
from provider.infrastructure.database import change, db, transaction
from provider.logout.end_session import end
from provider.logout.models import LogoutReason
from provider.logout.notice import BACKCHANNEL_LOGOUT
from provider.logout.steps import Cause
from tests.delivery.permits import without_limit
from tests.races.at_once import ON_POSTGRESQL, ROUNDS, at_once
from tests.support.reads import end_read

pytestmark = ON_POSTGRESQL
BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")
WENT_WELL = AttemptResult(
    Accepted("accepted"),
    SentRequest(url="https://red.test", jti="j", name="red", outcome="accepted", status=200, latency_ms=7),
)


def lease() -> list[LeasedDelivery]:
    """Lease what is due, without a limit for any app."""
    lease = lease_due(Capacity(10, 10), without_limit, [BACKCHANNEL_LOGOUT], "worker")
    return [mine for mine, _ in lease.taken]


def finish_well(mine: LeasedDelivery) -> bool:
    return bool(finish([(mine, WENT_WELL)]))


@pytest.fixture
def asleep(rp, begin, do):
    """Makes a worker that has leased a delivery and then slept through its lease."""

    def make() -> LeasedDelivery:
        made, _browser = begin(rp)
        do(end, made.session, BY_ADA)()
        (mine,) = do(lease)()
        with transaction():
            change(update(Delivery).where(Delivery.id == mine.id).values(leased_until=clock.now()))
        return mine

    return make


def test_race_13_one_row_whose_lease_has_expired(asleep, do):
    """The sleeper, or one of those who come after it, finishes the row: exactly one of them all."""
    for _ in range(ROUNDS):
        sleeper = asleep()

        late, *leases = at_once(do(finish_well, sleeper), do(lease), do(lease))

        heirs = [heir for leased in leases for heir in leased]
        assert len(heirs) <= 1
        assert late == (not heirs)
        finished = [do(finish_well, heir)() for heir in heirs]
        assert [late, *finished].count(True) == 1
        # INV-07: every attempt has a number of its own.
        end_read()
        row = db.session.get_one(Delivery, sleeper.id, populate_existing=True)
        assert (row.state, row.attempt_count) == ("accepted", 1 + len(heirs))
        numbers = select(DeliveryAttempt.number).where(DeliveryAttempt.delivery_id == row.id)
        assert sorted(db.session.scalars(numbers)) == list(range(1, row.attempt_count + 1))

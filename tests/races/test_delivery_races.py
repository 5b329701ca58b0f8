"""Workers that want the same row, whose lease has run out (RACE-13)."""

from functools import partial

import pytest
from sqlalchemy import update

from provider.delivery.attempt import Report
from provider.delivery.claim import claim_due
from provider.delivery.finish import finish
from provider.delivery.judge import Accepted
from provider.delivery.models import Delivery, DeliveryAttempt
from provider.delivery.outgoing import ClaimedDelivery, Exchange
from provider.infrastructure import clock
from provider.infrastructure.database import change, db, end_read, transaction
from provider.logout.end_session import end
from provider.logout.ending import Cause
from provider.logout.models import LogoutReason
from tests.races.at_once import ON_POSTGRESQL, ROUNDS, at_once

pytestmark = ON_POSTGRESQL
BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")
WENT_WELL = Report(
    Accepted("accepted"),
    Exchange(url="https://red.test", jti="j", recipient="red", outcome="accepted", status=200, latency_ms=7),
)


@pytest.fixture
def claimed(rp, begin, do) -> ClaimedDelivery:
    """A delivery that a worker has claimed before it fell asleep."""

    def make() -> ClaimedDelivery:
        made, _browser = begin(rp)
        logout_id = do(end, made.session, BY_ADA)().logout.id
        (mine,) = do(partial(claim_due, 1, logout_id=logout_id))()
        with transaction():
            change(update(Delivery).where(Delivery.id == mine.id).values(leased_until=clock.now()))
        return mine

    return make


def test_race_13_one_row_whose_lease_has_run_out(claimed, do):
    """The sleeper, or one of those who come after it, finishes the row: exactly one of them all."""
    for _ in range(ROUNDS):
        sleeper = claimed()
        again = partial(claim_due, 1, logout_id=sleeper.logout_id)

        late, *claims = at_once(do(finish, sleeper, WENT_WELL), do(again), do(again))

        heirs = [heir for claim in claims for heir in claim]
        assert len(heirs) <= 1
        assert late == (not heirs)
        finished = [do(finish, heir, WENT_WELL)() for heir in heirs]
        assert [late, *finished].count(True) == 1
        # INV-07: every attempt has a number of its own.
        end_read()
        row = db.session.get_one(Delivery, sleeper.id, populate_existing=True)
        assert (row.state, row.attempt_count) == ("accepted", 1 + len(heirs))
        attempts = db.session.query(DeliveryAttempt).filter_by(delivery_id=row.id)
        assert sorted(attempt.number for attempt in attempts) == list(range(1, row.attempt_count + 1))

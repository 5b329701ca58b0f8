"""An ID Token is a proof for its own client, while its session lives and as long again (DEC-13)."""

from datetime import timedelta

import pytest

from provider.infrastructure import current
from provider.infrastructure.database import transaction
from provider.logout.end_session import end
from provider.logout.hint import ProvenHint, find_hinted
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from tests.factories import make_session

BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")


@pytest.fixture
def made(ada, red, turned_clock):
    return make_session(ada, [red])


def hint(client, sid) -> ProvenHint:
    return ProvenHint(client=client, sid=sid, sub="ada")


def test_it_names_the_client_session_with_its_session(made, red):
    client_session, session = find_hinted(hint(red, made.client_sessions["red"].sid))

    assert (client_session.id, session.id) == (made.client_sessions["red"].id, made.session.id)


def test_no_other_client_names_it_however_recent_it_is(made, green):
    assert find_hinted(hint(green, made.client_sessions["red"].sid)) is None


def test_an_unknown_sid_names_none(made, red):
    assert find_hinted(hint(red, "unknown")) is None


@pytest.mark.parametrize(
    ("late_by", "counts"),
    [(timedelta(0), True), (timedelta(seconds=1), False)],
    ids=["until the lifetime is over", "no longer"],
)
def test_after_the_logout_it_counts_for_the_lifetime_of_a_session(made, red, turned_clock, late_by, counts):
    with transaction():
        end(made.session, BY_ADA)

    turned_clock.turn(current.settings().session_lifetime + late_by)

    assert (find_hinted(hint(red, made.client_sessions["red"].sid)) is not None) is counts

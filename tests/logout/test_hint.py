"""An ID Token is a proof for its own client, while its session lives and as long again (DEC-13)."""

from datetime import timedelta

import pytest

from provider.infrastructure import current
from provider.infrastructure.database import transaction
from provider.logout.end_session import end
from provider.logout.hint import ForeignHint, ProvenHint, find_hinted, read_hint
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from tests.factories import make_session
from tests.support.browsers import id_token_of

BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")


@pytest.fixture
def made(ada, red, turned_clock):
    return make_session(ada, [red])


def hint(client, sid) -> ProvenHint:
    return ProvenHint(client=client, sid=sid, sub="ada")


@pytest.mark.parametrize("client_id", [None, "red"])
def test_it_proves_the_client_the_sid_and_the_sub_long_after_it_has_expired(
    made, red, turned_clock, client_id
):
    id_token = id_token_of(red, made.grants["red"])
    turned_clock.turn(timedelta(days=1))

    proven = read_hint(id_token, client_id=client_id)

    grant = made.grants["red"]
    assert (proven.client.id, proven.sid, proven.sub) == (red.id, grant.sid, grant.sub)


def test_no_other_client_sends_it(made, red, green):
    with pytest.raises(ForeignHint):
        read_hint(id_token_of(red, made.grants["red"]), client_id=green.client_id)


def test_it_was_issued_for_any_lifetime(made, red):
    lifetime = int(timedelta(days=400).total_seconds())
    issued = int(made.session.created_at.timestamp())

    assert read_hint(id_token_of(red, made.grants["red"], exp=issued + lifetime), client_id=None)


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

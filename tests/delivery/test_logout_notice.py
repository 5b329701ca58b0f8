"""A delivery's notice of its logout, in this release and as processes of the previous one write it."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from provider.administration import deliveries
from provider.audit.models import AuditEvent
from provider.cli.delivery_records import as_record
from provider.delivery.lease import own
from provider.delivery.models import Delivery
from provider.infrastructure import clock
from provider.infrastructure.database import change, db, transaction
from provider.logout import notice
from provider.logout.notice import LogoutNotice
from provider.logout.notification.logout_token import logout_url_of
from provider.logout.notification.outbox import drain
from tests.delivery.owing import notice_of, now_is, owe
from tests.delivery.receivers import receiving
from tests.delivery.test_logout_token import read
from tests.factories import make_client


def as_the_previous_release_writes_it(delivery):
    with transaction():
        change(update(Delivery).where(Delivery.id == delivery.id).values(about=None))
    return now_is(delivery)


def as_the_release_after_the_next_keeps_it(delivery):
    """Its columns are gone."""
    with transaction():
        earlier = dict.fromkeys(("account_id", "session_id", "sub", "sid"))
        change(update(Delivery).where(Delivery.id == delivery.id).values(earlier))
    return now_is(delivery)


WRITTEN_BY = pytest.mark.parametrize(
    "written", [as_the_previous_release_writes_it, as_the_release_after_the_next_keeps_it]
)


@WRITTEN_BY
@pytest.mark.parametrize("names", ["both", "sub"])
def test_it_says_the_same_to_the_app_the_audit_and_operators(app, written, names):
    with receiving() as red:
        owed = owe(port=red.port, settings={"logout_token_names": names})
        original, record = notice_of(owed), as_record(owed, {owed.recipient_id: "red"}, {})

        delivery = written(owed)
        assert notice.of(delivery) == original
        assert as_record(delivery, {owed.recipient_id: "red"}, {}) == record
        assert drain() == {"accepted": 1}

    claims = read(red.received[0].token).claims
    assert (claims.get("sub"), claims.get("sid")) == (original.sub, original.sid)
    entry = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "delivery_accepted")).one()
    assert (entry.account_id, entry.session_id) == (original.account_id, original.session_id)
    assert entry.logout_id == delivery.cause_id


@WRITTEN_BY
def test_an_operator_cancels_it_in_the_name_of_the_person(app, written):
    delivery = written(owe())

    with transaction():
        assert deliveries.cancel(delivery, "red was shut down")

    entry = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "delivery_cancelled")).one()
    assert (entry.account_id, entry.logout_id) == (notice_of(delivery).account_id, delivery.cause_id)


def test_it_is_read_as_it_was_written(app):
    delivery = owe()
    of_a_grant = LogoutNotice(account_id=uuid4(), session_id=None, sub="ada", sid=None)

    for original in (notice_of(delivery), of_a_grant):
        about = original.owed_to(delivery.recipient_id, "sid:1").about
        assert LogoutNotice.read(json.loads(json.dumps(about))) == original


def test_it_is_owed_in_columns_too_and_for_as_long_as_it_matters(app):
    delivery, hours = owe(), timedelta(hours=8)
    original = notice_of(delivery)

    owed = original.owed_to(delivery.recipient_id, "sid:1", meaningful_for=hours)

    assert (owed.recipient_id, owed.subject_key, owed.meaningful_for) == (
        delivery.recipient_id,
        "sid:1",
        hours,
    )
    assert LogoutNotice(**owed.earlier) == original


@WRITTEN_BY
def test_a_worker_that_has_leased_it_reads_it_whole(app, written):
    owed = owe()
    original = notice_of(owed)
    written(owed)
    with transaction():
        leased = own([owed.id], clock.now(), "me")

    assert notice.of_leased(leased) == {owed.id: original}


def test_a_delivery_of_another_kind_has_none(app):
    delivery = owe()
    delivery.kind = "weather"

    assert notice.of(delivery) is None


def test_one_that_says_nothing_is_a_defect(app):
    delivery = as_the_release_after_the_next_keeps_it(owe())
    delivery.about = None

    with pytest.raises(ValueError, match="does not say whose logout"):
        notice.of(delivery)


def test_it_goes_to_the_registered_address_unless_the_operator_names_another(app):
    registered, elsewhere = "https://red.test/backchannel-logout", "http://127.0.0.1:4000/inside"

    assert logout_url_of(make_client("red")) == registered
    assert logout_url_of(make_client("green", settings={"deliver_to": elsewhere})) == elsewhere
    assert logout_url_of(make_client("mute", backchannel_logout_uri=None)) is None

"""Which devices lose what a person has allowed when that person disconnects their app."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.tokens.device_codes import issue, take_back
from provider.tokens.device_models import DeviceCode
from tests.factories import make_client
from tests.support.reads import end_read


@pytest.fixture
def tv(app, turned_clock):
    return make_client("tv")


def asked(client, **values):
    """A device that has asked, with what has happened since."""
    with transaction():
        code, _, _ = issue(client, scope="openid", device="TV", ip=None, request={})
        for name, value in values.items():
            setattr(code, name, value)
    return code.id


def denied() -> dict:
    end_read()
    rows = db.session.execute(
        select(DeviceCode.id, DeviceCode.denied_at).where(DeviceCode.denied_at.is_not(None))
    )
    return {row.id: row.denied_at for row in rows}


def test_only_devices_that_wait_for_the_tokens_that_the_person_allowed(ada, ben, tv, turned_clock):
    allowed = {"account_id": ada.id, "allowed_at": clock.now()}
    waiting = asked(tv, **allowed)
    has_its_tokens = asked(tv, **allowed, used_at=clock.now())
    was_denied = asked(tv, **allowed, denied_at=clock.now())
    asked(tv, account_id=ada.id)
    asked(tv, account_id=ben.id, allowed_at=clock.now())
    asked(make_client("radio"), **allowed)
    first = clock.now()
    turned_clock.turn(timedelta(minutes=1))

    with transaction():
        assert take_back(ada.id, tv) == 1

    assert denied() == {waiting: clock.now(), was_denied: first}
    assert has_its_tokens not in denied()

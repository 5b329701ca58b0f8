"""The record of a device that asks, its responses, and the ones that lose what a person has allowed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import inspect, select

from provider.infrastructure import clock, current, data_keys
from provider.infrastructure.data_keys import DataKeys
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import digest_of
from provider.infrastructure.secrets import SecretBox
from provider.sessions.queries import find_live
from provider.tokens import device_codes
from provider.tokens.device_codes import issue, take_back
from provider.tokens.device_models import DeviceCode
from tests.factories import make_client, make_session
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


class TestADevice:
    @pytest.fixture
    def made(self, ada, red):
        made = make_session(ada, [red])
        with transaction():
            red.epoch, made.session.acr, made.session.amr = 7, "an-acr", "pwd otp"
        return made

    @pytest.fixture(autouse=True)
    def standing_clock(self, turned_clock):
        """Polls are too early by what the test says."""

    @pytest.fixture
    def asked(self, red):
        with transaction():
            red.epoch = 7
            return device_codes.issue(
                red, scope="openid", device="TV", ip="192.0.2.1", request={"resources": ["https://a.test"]}
            )

    def rows(self, code) -> dict[str, Any]:
        end_read()
        db.session.refresh(code)
        return {column.key: getattr(code, column.key) for column in inspect(code).mapper.column_attrs}

    def test_that_asks(self, asked, red, statements):
        code, handle, user_code = asked

        row, now = self.rows(code), clock.now()
        assert row.pop("user_code_digest") not in (user_code, digest_of(user_code), None)
        answered = ("account_id", "session_id", "authenticated_at", "amr", "acr")
        assert row == dict.fromkeys((*answered, "allowed_at", "denied_at", "used_at")) | {
            "id": code.id,
            "digest": digest_of(handle),
            "client_id": red.id,
            "client_epoch": 7,
            "scope": "openid",
            "request": {"resources": ["https://a.test"]},
            "device": "TV",
            "ip": "192.0.2.1",
            "interval": 5,
            "next_poll_at": now,
            "created_at": now,
            "expires_at": now + current.settings().device_code_lifetime,
        }
        assert device_codes.find(handle).code is code
        assert device_codes.find(user_code) is None
        with statements() as seen:
            assert device_codes.find_waiting(user_code) == (code, red)
        assert len(seen) == 1
        assert device_codes.find_waiting(handle) is None

    def test_whose_code_another_process_gave_out_after_it_had_rotated_the_data_keys(
        self, app, red, turned_clock
    ):
        here = current.data_keys()
        here.box()
        there = DataKeys(here.root)
        with transaction():
            data_keys.begin_rotation(there, SecretBox(b"another process" + bytes(17)))
        current.install(app, replace(current.services(), data_keys=there))
        with transaction():
            code, _, user_code = device_codes.issue(red, scope="openid", device="TV", ip=None, request={})
        current.install(app, replace(current.services(), data_keys=here))
        turned_clock.turn(data_keys.LOOK_AGAIN_AFTER)

        assert device_codes.find_waiting(user_code) == (code, red)

    def test_that_is_allowed_and_then_has_its_tokens(self, asked, made, ada, red):
        code, handle, user_code = asked
        with transaction():
            other = device_codes.issue(red, scope="openid", device="TV", ip=None, request={})[0]
        by = find_live(made.handle)
        with transaction():
            assert not device_codes.use(code)
            assert device_codes.allow(code, by)
            assert not device_codes.deny(code, by)

        row, session = self.rows(code), made.session
        assert (row["allowed_at"], row["denied_at"], row["used_at"]) == (clock.now(), None, None)
        assert (row["account_id"], row["session_id"]) == (ada.id, session.id)
        assert row["authenticated_at"] == session.authenticated_at
        assert (row["amr"], row["acr"]) == ("pwd otp", "an-acr")
        assert device_codes.find_waiting(user_code) is None
        found = device_codes.find(handle)
        assert device_codes.find_answering_session(found).session.id == session.id
        assert self.rows(other)["allowed_at"] is None
        with transaction():
            assert device_codes.use(code)
            assert not device_codes.use(code)
        assert (self.rows(code)["used_at"], self.rows(other)["used_at"]) == (clock.now(), None)

    def test_that_is_denied(self, asked, made, ada):
        code, handle, _ = asked
        by = find_live(made.handle)
        with transaction():
            assert device_codes.deny(code, by)
            assert not device_codes.allow(code, by)

        row = self.rows(code)
        assert (row["denied_at"], row["allowed_at"]) == (clock.now(), None)
        assert (row["account_id"], row["session_id"]) == (ada.id, made.session.id)
        assert device_codes.find(handle).state == "denied"

    @pytest.mark.parametrize("ends", ["expires_at", "client", "disabled_at", "deleted_at"])
    def test_is_shown_to_no_person_once_it_or_its_client_has_ended(self, asked, red, ends):
        code, _, user_code = asked
        with transaction():
            if ends == "expires_at":
                code.expires_at = clock.now()
            elif ends == "client":
                red.epoch += 1
            else:
                setattr(red, ends, clock.now())

        assert device_codes.find_waiting(user_code) is None

    def test_that_asks_too_often_waits_five_seconds_longer_up_to_an_hour(self, asked, red, turned_clock):
        code, _, _ = asked
        with transaction():
            other = device_codes.issue(red, scope="openid", device="TV", ip=None, request={})[0]
        waits = []
        for early in (False, True, True):
            with transaction():
                assert device_codes.note_poll(code) is not early
            row = self.rows(code)
            waits.append((row["interval"], row["next_poll_at"] - clock.now()))
        assert waits == [(n, timedelta(seconds=n)) for n in (5, 10, 15)]
        turned_clock.turn(timedelta(seconds=15))
        with transaction():
            assert device_codes.note_poll(code)
            assert not device_codes.note_poll(code)
            code.interval = 3598
        with transaction():
            assert not device_codes.note_poll(code)

        assert self.rows(code)["interval"] == 3600
        assert self.rows(other)["interval"] == 5

    def test_whose_client_was_ended_has_no_answer(self, asked, made, red):
        code, handle, _ = asked
        with transaction():
            device_codes.allow(code, find_live(made.handle))
        with transaction():
            red.epoch += 1

        assert device_codes.find_answering_session(device_codes.find(handle)) is None

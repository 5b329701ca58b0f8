"""A device's two codes, answered and fetched from several sides at the same instant (rfc8628)."""

import pytest
from sqlalchemy import func, select

from provider.infrastructure.database import db, transaction
from provider.logout.everywhere import end_everywhere
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.protocol.user_code import read
from provider.sessions.models import Session
from provider.sessions.queries import find_live
from provider.tokens import device_codes
from tests.factories import make_session
from tests.races.at_once import AT_ONCE, ON_POSTGRESQL, ROUNDS, at_once
from tests.support.device import Device, answer
from tests.support.reads import end_read

pytestmark = ON_POSTGRESQL
BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")
# Each round asks many times.
DEVICE_ROUNDS = max(1, ROUNDS // 3)


@pytest.fixture
def tv(app):
    return Device(app, id_token_signed_response_alg="ES256")


@pytest.fixture
def answering(app, ada):
    """Makes the act of answering in a browser session of its own, in any thread."""

    def make(user_code: str, *, allow: bool):
        handle = make_session(ada).handle

        def act() -> bool:
            with app.app_context(), transaction():
                person, waiting = find_live(handle), device_codes.find_waiting(read(user_code))
                return bool(waiting) and (device_codes.allow if allow else device_codes.deny)(
                    waiting[0], person
                )

        return act

    return make


def count_devices(*conditions) -> int:
    end_read()
    devices = select(func.count()).select_from(Session).where(Session.is_device, *conditions)
    return db.session.scalar(devices) or 0


def test_of_two_answers_at_once_one_counts(tv, answering):
    for _ in range(DEVICE_ROUNDS):
        begun = tv.begin()

        allowed, denied = at_once(
            answering(begun["user_code"], allow=True), answering(begun["user_code"], allow=False)
        )

        assert [allowed, denied].count(True) == 1
        assert tv.poll(begun["device_code"]).status_code == (200 if allowed else 400)


def test_of_polls_at_once_one_signs_the_device_in(tv, ada):
    made = make_session(ada)
    for round_ in range(DEVICE_ROUNDS):
        begun = tv.begin()
        answer(begun["user_code"], made)

        responses = at_once(*[lambda code=begun["device_code"]: tv.poll(code)] * AT_ONCE)

        assert sorted(given.status_code for given in responses) == [200] + [400] * (AT_ONCE - 1)
        assert {given.json.get("error") for given in responses} == {None, "invalid_grant"}
        assert count_devices() == round_ + 1


@pytest.mark.spec("rfc8628 1")
def test_of_polls_at_once_one_is_in_time(tv):
    for _ in range(DEVICE_ROUNDS):
        code = tv.begin()["device_code"]

        responses = at_once(*[lambda code=code: tv.poll(code)] * AT_ONCE)

        errors = [given.json["error"] for given in responses]
        assert sorted(errors) == ["authorization_pending"] + ["slow_down"] * (AT_ONCE - 1)


def test_a_device_that_is_let_in_while_everything_ends_is_not_in_afterwards(tv, ada, do):
    """The logout wins: it finds the session, or the answer is void (RACE-05)."""
    for _ in range(DEVICE_ROUNDS):
        begun = tv.begin()
        answer(begun["user_code"], make_session(ada))

        _ended, polled = at_once(
            do(end_everywhere, ada, BY_ADA), lambda code=begun["device_code"]: tv.poll(code)
        )

        assert polled.status_code in (200, 400)
        if polled.status_code == 200:
            assert tv.userinfo(polled.json["access_token"]).status_code == 401
            assert tv.refresh(polled.json["refresh_token"]).status_code == 400
        assert count_devices(Session.ended_at.is_(None)) == 0

"""One attempt, from what is left of the lease to the judged response (DLV-05, DLV-08, DLV-12)."""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from provider.delivery.attempt import AttemptResult, perform, prepare
from provider.delivery.judge import Accepted, Expired, Postponed, RetryAt
from provider.delivery.outgoing import (
    Cancelled,
    LeasedDelivery,
    OutgoingRequest,
    SentRequest,
    Superseded,
    Undeliverable,
    form,
)
from provider.infrastructure import clock, current
from tests.conftest import TurnedClock
from tests.delivery.receivers import receiving

ID = UUID(int=7)
LEASE = timedelta(seconds=60)


@pytest.fixture(autouse=True)
def standing_clock(app: Flask, turned_clock: TurnedClock) -> TurnedClock:
    return turned_clock


def leased(*, key: UUID = ID, lease: timedelta = LEASE, **values: object) -> LeasedDelivery:
    now = clock.now()
    usual: dict[str, object] = {
        "kind": "backchannel_logout",
        "cause_id": None,
        "subject_key": "sid",
        "recipient_id": ID,
        "about": None,
        "attempt_number": 3,
        "try_number": 1,
        "refusals": 0,
        "unfinished_attempts": 1,
        "last_outcome": None,
        "last_status": None,
        "last_url": None,
        "next_attempt_at": now,
        "first_attempt_at": None,
        "lease_token": "lease",
        "leased_until": now + lease,
        "correlation_id": None,
        "created_at": now,
        "expires_at": now + timedelta(days=3),
    }
    return LeasedDelivery(id=key, **usual | values)  # type: ignore[arg-type]


def request_to(url: str, **values: object) -> Callable[[], OutgoingRequest]:
    usual: dict[str, object] = {"send": form(url, {"logout_token": "t"}), "jti": "j", "name": "red"}
    return lambda: OutgoingRequest(url=url, **usual | values)  # type: ignore[arg-type]


def attempt(one: LeasedDelivery, prepared: Callable[[], OutgoingRequest]) -> AttemptResult:
    return perform(one, prepared, current.services().outbound)


def logged(caplog: pytest.LogCaptureFixture, event: str) -> list[tuple[str, dict[str, object], bool]]:
    """Return level, fields, and whether there is a traceback, of each line about this event."""
    return [
        (one.levelname, one.fields, bool(one.exc_info))  # type: ignore[attr-defined]
        for one in caplog.records
        if one.message == event
    ]


class TestTheExchange:
    def test_it_is_kept_as_it_was(self, turned_clock: TurnedClock) -> None:
        with receiving(204) as red:
            send = form(red.url, {"logout_token": "t"})

            def slowly(*arguments: object) -> object:
                turned_clock.turn(timedelta(seconds=1.2346))
                return send(*arguments)  # type: ignore[arg-type]

            result = attempt(leased(), request_to(red.url, send=slowly))

        [received] = red.received
        assert (received.delivery, received.attempt) == (str(ID), "3")
        assert result == AttemptResult(
            Accepted("accepted"),
            SentRequest(url=red.url, jti="j", name="red", outcome="accepted", status=204, latency_ms=1235),
        )
        assert result.has_succeeded

    def test_what_the_app_asks_for_is_obeyed(self) -> None:
        with receiving(503) as red:
            red.response_headers = {"Retry-After": "120"}
            result = attempt(leased(), request_to(red.url))

        assert result.verdict == RetryAt(clock.now() + timedelta(seconds=120), "unavailable")
        assert result.has_succeeded is False

    def test_an_app_that_asks_for_patience_says_how_much(self) -> None:
        with receiving(429) as red:
            red.response_headers["Retry-After"] = "20"
            result = attempt(leased(), request_to(red.url))

        assert result.sent
        observed = result.sent.as_observation(7.0)
        assert (observed.status, observed.wait, observed.at) == (429, 20.0, 7.0)
        assert observed.is_pushing_back

    def test_a_deleted_client_that_refuses_again_is_left_alone(self) -> None:
        with receiving(404) as red:
            request = request_to(red.url, gone="client_deleted")
            result = attempt(leased(refusals=1), request)

        assert result.verdict == Cancelled("client_deleted", "misconfigured")

    def test_one_without_a_response_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "curfew")
        with receiving() as gone:
            url = gone.url

        result = attempt(leased(), request_to(url))

        assert result.sent == SentRequest(
            url=url, jti="j", name="red", outcome="connect", status=None, latency_ms=0
        )
        [(level, fields, _)] = logged(caplog, "delivery_unanswered")
        assert (level, fields["delivery_id"], fields["problem"]) == ("INFO", ID, "connect")
        assert fields["detail"]


class TestTheTimeThatIsLeft:
    @pytest.mark.parametrize(
        ("lease", "slow", "waits"),
        [
            pytest.param(timedelta(seconds=60), False, 1.0, id="the usual deadline"),
            pytest.param(timedelta(seconds=60), True, 1.5, id="half as much again for a slow app"),
            pytest.param(None, True, 1.25, id="no longer than the lease"),
        ],
    )
    def test_a_response_is_awaited(self, lease: timedelta | None, slow: bool, waits: float) -> None:
        usual, asked = current.settings().outbound_deadline, []
        with receiving(200) as red:
            send = form(red.url, {})

            def noting(outbound: object, headers: object, deadline: timedelta) -> object:
                asked.append(deadline)
                return send(outbound, headers, deadline)  # type: ignore[arg-type]

            attempt(leased(lease=lease or usual * 1.25), request_to(red.url, send=noting, is_slow=slow))

        assert asked == [usual * waits]

    @pytest.mark.parametrize(
        ("short_of", "is_sent"),
        [
            pytest.param(timedelta(0), True, id="half is enough"),
            pytest.param(timedelta(microseconds=1), False, id="a little less is not"),
        ],
    )
    def test_without_half_of_the_deadline_nothing_is_begun(self, short_of: timedelta, is_sent: bool) -> None:
        lease = current.settings().outbound_deadline * 0.5 - short_of
        with receiving(200) as red:
            result = attempt(leased(lease=lease), request_to(red.url))

        assert len(red.received) == is_sent
        assert is_sent or result == AttemptResult(Postponed(clock.now()))

    def test_a_lease_that_ends_while_the_request_is_made_is_not_used(self, turned_clock: TurnedClock) -> None:
        with receiving(200) as red:

            def slowly_made() -> OutgoingRequest:
                turned_clock.turn(LEASE)
                return request_to(red.url)()

            result = attempt(leased(), slowly_made)

        assert (red.received, result) == ([], AttemptResult(Postponed(clock.now())))


class TestOurOwnFaults:
    def test_a_request_that_cannot_be_made_is_logged_and_put_off(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken() -> OutgoingRequest:
            raise LookupError("no key")

        result = attempt(leased(), broken)

        assert isinstance(result.verdict, Postponed)
        assert result.sent is None
        about = {"delivery_id": ID, "kind": "backchannel_logout"}
        assert logged(caplog, "delivery_not_built") == [("ERROR", about, True)]

    def test_one_that_cannot_be_prepared_keeps_no_other_from_it(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        good, bad = leased(key=UUID(int=1)), leased(key=UUID(int=2))
        asked: list[int] = []

        def build(several: Sequence[LeasedDelivery]) -> dict[UUID, Undeliverable]:
            asked.append(len(several))
            if bad in several:
                raise LookupError("no client")
            return {one.id: Undeliverable("no_address") for one in several}

        prepared = prepare([good, bad], {"backchannel_logout": build})

        assert asked == [2, 1, 1]
        assert prepared[good.id] == Undeliverable("no_address")
        put_off = prepared[bad.id]
        assert isinstance(put_off, AttemptResult)
        assert isinstance(put_off.verdict, Postponed)
        about = {"delivery_id": bad.id, "kind": "backchannel_logout"}
        assert logged(caplog, "delivery_not_built") == [("ERROR", about, True)]

    def test_what_is_too_late_is_not_prepared(self) -> None:
        late = leased(expires_at=clock.now(), last_outcome="timeout")

        assert prepare([late], {}) == {ID: AttemptResult(Expired("timeout"))}


def test_what_is_not_sent_has_no_exchange() -> None:
    outbound = current.services().outbound

    assert perform(leased(), Superseded(), outbound) == AttemptResult(Superseded())
    undeliverable = perform(leased(), Undeliverable("no_address"), outbound)
    assert isinstance(undeliverable.verdict, RetryAt)
    assert (undeliverable.verdict.outcome, undeliverable.sent) == ("no_address", None)
    assert undeliverable.has_succeeded is None

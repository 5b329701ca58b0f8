"""The verdict on a response, as the table of DLV-11."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from provider.config.declared_settings import DEFAULT_SCHEDULE
from provider.delivery.judge import (
    Accepted,
    Expired,
    Postponed,
    RetryAt,
    judge,
    judge_before_sending,
    judge_undeliverable,
    postponed,
)
from provider.delivery.models import REFUSALS
from provider.delivery.outgoing import Cancelled, LeasedDelivery, NoResponse, Responded, Undeliverable
from provider.delivery.schedule import LAST_CHANCE_BEFORE, spread, wait_after, within_horizon

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ID = UUID(int=7)


def leased(
    *,
    tries: int = 1,
    last: str | None = None,
    expires_in: timedelta = timedelta(hours=72),
    refusals: int = 0,
    crashes: int = 0,
) -> LeasedDelivery:
    return LeasedDelivery(
        id=ID,
        kind="backchannel_logout",
        cause_id=None,
        subject_key="sid",
        recipient_id=ID,
        about=None,
        attempt_number=tries,
        try_number=tries,
        refusals=refusals,
        unfinished_attempts=crashes + 1,
        last_outcome=last,
        last_status=None,
        last_url=None,
        next_attempt_at=NOW,
        first_attempt_at=None,
        lease_token="lease",
        leased_until=NOW + timedelta(seconds=60),
        correlation_id=None,
        created_at=NOW,
        expires_at=NOW + expires_in,
    )


def judged(response: Responded | NoResponse, **about: object) -> object:
    return judge(response, leased(**about), DEFAULT_SCHEDULE, NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        pytest.param(200, "accepted", id="200 is the response that the specification asks for"),
        pytest.param(204, "accepted", id="204 must be tolerated"),
        pytest.param(201, "accepted_oddly", id="another 2xx is a yes that is flagged"),
        pytest.param(299, "accepted_oddly", id="any other 2xx"),
    ],
)
@pytest.mark.spec("backchannel OP 10")
def test_a_yes_ends_the_delivery(status: int, outcome: str) -> None:
    assert judged(Responded(status)) == Accepted(outcome)


REFUSED = [301, 302, 307, 308, 400, 401, 402, 403, 404, 405, 410, 413, 415, 422, 451]


@pytest.mark.spec("backchannel OP 10")
@pytest.mark.parametrize(
    "response",
    [Responded(status) for status in (*REFUSED, 408, 425, 429, 500, 502, 503, 504, 599, 600)]
    + [
        NoResponse(kind)
        for kind in ("refused", "dns", "connect", "tls", "timeout", "reset", "protocol", "too_large")
    ],
    ids=str,
)
def test_no_response_short_of_success_is_final(response: Responded | NoResponse) -> None:
    last = None
    for tries in range(1, 3 * len(DEFAULT_SCHEDULE)):
        about = {"tries": tries, "last": last, "refusals": tries - 1}
        verdict = judged(response, **about, expires_in=timedelta(days=90))
        assert isinstance(verdict, RetryAt)
        # Beyond the schedule its last wait is repeated.
        wait, planned = verdict.at - NOW, DEFAULT_SCHEDULE[min(tries, len(DEFAULT_SCHEDULE)) - 1]
        assert planned * 0.8 <= wait <= planned * 1.2
        last = verdict.outcome


def test_an_app_that_is_back_after_five_seconds_is_notified_within_nine() -> None:
    for number in range(100):
        delivery_id, at = UUID(int=number), 0.0
        for tries in range(1, 5):
            at += wait_after(tries, DEFAULT_SCHEDULE, delivery_id).total_seconds()
            if at >= 5:
                break
        assert 5 <= at <= 9


def test_the_usual_schedule_lasts_for_three_days() -> None:
    assert timedelta(hours=70) < sum(DEFAULT_SCHEDULE, timedelta()) < timedelta(hours=72)


@pytest.mark.parametrize("status", REFUSED)
def test_what_is_answered_without_success_is_a_refusal(status: int) -> None:
    verdict = judged(Responded(status))

    assert isinstance(verdict, RetryAt)
    assert verdict.outcome in REFUSALS


@pytest.mark.parametrize(
    "response",
    [Responded(408), Responded(425), Responded(429), Responded(503), NoResponse("connect")],
    ids=str,
)
def test_who_asks_for_patience_or_is_away_refuses_nothing(response: Responded | NoResponse) -> None:
    verdict = judged(response)

    assert isinstance(verdict, RetryAt)
    assert verdict.outcome not in REFUSALS


def test_a_deleted_client_that_refuses_again_is_left_alone() -> None:
    once, twice = leased(), leased(tries=2, last="misconfigured", refusals=1)

    def of_deleted(one: LeasedDelivery, response: Responded) -> object:
        return judge(response, one, DEFAULT_SCHEDULE, NOW, gone="client_deleted")

    assert isinstance(of_deleted(once, Responded(404)), RetryAt)
    assert of_deleted(twice, Responded(404)) == Cancelled("client_deleted", "misconfigured")
    assert isinstance(of_deleted(twice, Responded(503)), RetryAt)
    assert of_deleted(twice, Responded(200)) == Accepted("accepted")


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        pytest.param("120", timedelta(seconds=120), id="seconds are honoured"),
        pytest.param("315360000", timedelta(hours=1), id="ten years are capped at an hour"),
        pytest.param("9" * 400, timedelta(hours=1), id="so is a number that no timedelta can hold"),
        pytest.param("000000120", timedelta(seconds=120), id="leading zeros make no number long"),
        pytest.param("Fri, 20 Nov 2026 12:05:00 GMT", timedelta(minutes=5), id="a date is honoured"),
        pytest.param("Fri, 20 Nov 2026 13:05:00 +0100", timedelta(minutes=5), id="in any zone"),
        pytest.param("Fri, 20 Nov 2026 12:05:00 -0000", timedelta(minutes=5), id="without a zone it is UTC"),
        pytest.param("Sat, 20 Nov 2027 12:05:00 GMT", timedelta(hours=1), id="a far date is capped"),
    ],
)
def test_retry_after(asked: str, wait: timedelta) -> None:
    assert judged(Responded(503, asked)) == RetryAt(NOW + wait, "unavailable")


@pytest.mark.parametrize(
    "asked", ["0", "1", "-5", "soon", "", "1.5", "٣٠", "Fri, 20 Nov 2020 12:05:00 GMT", None]
)
def test_retry_after_never_brings_a_try_forward(asked: str | None) -> None:
    assert judged(Responded(503, asked)) == judged(Responded(503))


def test_a_retry_beyond_the_horizon_is_made_right_before_it() -> None:
    verdict = judged(Responded(503), tries=9, expires_in=timedelta(minutes=10))

    assert isinstance(verdict, RetryAt)
    assert timedelta(seconds=48) <= NOW + timedelta(minutes=10) - verdict.at <= timedelta(seconds=72)


def test_an_attempt_at_the_very_horizon_would_be_too_late() -> None:
    verdict = judged(Responded(503, "600"), expires_in=timedelta(seconds=600))

    assert isinstance(verdict, RetryAt)
    assert verdict.at < NOW + timedelta(seconds=600)


def test_a_last_chance_is_more_than_a_minute_away() -> None:
    before_the_end = spread(LAST_CHANCE_BEFORE, ID, 0)
    ends = NOW + LAST_CHANCE_BEFORE + before_the_end

    assert within_horizon(ends, NOW, ends, ID) is None
    a_little_later = ends + timedelta(seconds=1)
    assert within_horizon(a_little_later, NOW, a_little_later, ID) == a_little_later - before_the_end


def test_when_no_attempt_fits_before_the_horizon_the_delivery_expires() -> None:
    assert judged(Responded(503), tries=7, expires_in=timedelta(minutes=2)) == Expired("unavailable")
    assert judged(Responded(404), tries=7, expires_in=timedelta(seconds=50)) == Expired("misconfigured")


def test_a_notification_that_is_too_old_is_not_sent() -> None:
    verdict = judge_before_sending(leased(expires_in=timedelta(0)), DEFAULT_SCHEDULE, NOW)

    assert verdict == Expired("late")


def test_a_row_that_kills_its_workers_waits_as_after_a_failure() -> None:
    def before_sending(**about: object) -> object:
        return judge_before_sending(leased(**about), DEFAULT_SCHEDULE, NOW)  # type: ignore[arg-type]

    # A worker may be killed for any reason; twice in a row it may be the delivery.
    assert before_sending(tries=1) is None
    assert before_sending(tries=2, crashes=1) is None
    for tries, crashes in ((3, 2), (13, 2), (40, 2)):
        verdict = before_sending(tries=tries, crashes=crashes, expires_in=timedelta(days=90))
        assert isinstance(verdict, RetryAt)
        assert verdict.outcome == "crashed"
        wait = DEFAULT_SCHEDULE[min(tries - 1, len(DEFAULT_SCHEDULE)) - 1]
        assert wait * 0.8 <= verdict.at - NOW <= wait * 1.2


def test_what_cannot_be_sent_as_things_stand_is_looked_at_again() -> None:
    verdict = judge_undeliverable(Undeliverable("no_address"), leased(), NOW)
    late = judge_undeliverable(Undeliverable("no_address"), leased(expires_in=timedelta(seconds=30)), NOW)

    assert isinstance(verdict, RetryAt)
    assert timedelta(minutes=4) <= verdict.at - NOW <= timedelta(minutes=6)
    assert late == Expired("no_address")


def test_nothing_is_sent_once_the_lease_is_lost() -> None:
    late = leased().leased_until

    assert judge_before_sending(leased(), DEFAULT_SCHEDULE, late) == Postponed(late)
    assert judge_before_sending(leased(), DEFAULT_SCHEDULE, late - timedelta(seconds=1)) is None


def test_our_own_faults_are_tried_again_soon() -> None:
    verdict = postponed(leased(), NOW)

    assert isinstance(verdict, Postponed)
    assert timedelta(seconds=8) <= verdict.at - NOW <= timedelta(seconds=12)


def test_after_our_own_faults_it_may_be_too_late() -> None:
    assert postponed(leased(expires_in=timedelta(0)), NOW) == Expired("late")
    assert postponed(leased(expires_in=timedelta(0), last="timeout"), NOW) == Expired("timeout")

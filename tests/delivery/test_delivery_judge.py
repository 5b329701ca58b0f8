"""What an answer means for a delivery: the table of DLV-11."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from provider.config.settings import DEFAULT_SCHEDULE
from provider.delivery.judge import (
    Accepted,
    Expired,
    Postponed,
    Rejected,
    RetryAt,
    judge,
    judge_before_sending,
    postponed,
)
from provider.delivery.outgoing import Answered, ClaimedDelivery, Unanswered

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ID = UUID(int=7)


def claimed(
    *, tries: int = 1, last: str | None = None, expires_in: timedelta = timedelta(hours=72)
) -> ClaimedDelivery:
    return ClaimedDelivery(
        id=ID,
        kind="backchannel_logout",
        logout_id=ID,
        client_id=ID,
        account_id=ID,
        session_id=ID,
        sub="ada",
        sid="sid",
        attempt_number=tries,
        try_number=tries,
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


def judged(answer: Answered | Unanswered, **about: object) -> object:
    return judge(answer, claimed(**about), DEFAULT_SCHEDULE, NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        pytest.param(200, "accepted", id="200 is the answer that the specification asks for"),
        pytest.param(204, "accepted", id="204 must be tolerated"),
        pytest.param(201, "accepted_oddly", id="another 2xx is a yes that is flagged"),
        pytest.param(299, "accepted_oddly", id="any other 2xx"),
    ],
)
@pytest.mark.spec("backchannel §2.8")
def test_a_yes_ends_the_delivery(status: int, outcome: str) -> None:
    assert judged(Answered(status)) == Accepted(outcome)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 401, 403, 404, 405, 410, 413, 415, 402, 422, 451])
def test_what_somebody_must_repair_is_tried_twice_and_no_more(status: int) -> None:
    first = judged(Answered(status))

    assert isinstance(first, RetryAt)
    assert isinstance(judged(Answered(status), tries=2, last=first.outcome), Rejected)


def test_a_refused_target_is_tried_twice_and_no_more() -> None:
    assert isinstance(judged(Unanswered("refused")), RetryAt)
    assert judged(Unanswered("refused"), tries=2, last="refused") == Rejected("refused")


@pytest.mark.spec("backchannel §2.8")
def test_400_gets_one_fresh_try_after_a_minute() -> None:
    assert judged(Answered(400)) == RetryAt(NOW + timedelta(seconds=60), "bad_request")
    assert judged(Answered(400), tries=2, last="bad_request") == Rejected("bad_request")


def test_400_after_an_outage_still_gets_its_fresh_try() -> None:
    assert isinstance(judged(Answered(400), tries=5, last="unavailable"), RetryAt)


@pytest.mark.parametrize(
    "answer",
    [Answered(status) for status in (408, 425, 429, 500, 502, 503, 504, 599)]
    + [Unanswered(kind) for kind in ("dns", "connect", "tls", "timeout", "reset", "protocol", "too_large")],
    ids=str,
)
def test_what_may_pass_is_tried_through_the_whole_schedule(answer: Answered | Unanswered) -> None:
    for tries in range(1, len(DEFAULT_SCHEDULE) + 1):
        verdict = judged(answer, tries=tries, last="unavailable", expires_in=timedelta(days=30))
        assert isinstance(verdict, RetryAt)
        wait, planned = verdict.at - NOW, DEFAULT_SCHEDULE[tries - 1]
        assert planned * 0.8 <= wait <= planned * 1.2
    assert isinstance(judged(answer, tries=len(DEFAULT_SCHEDULE) + 1), Rejected)


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        pytest.param("120", timedelta(seconds=120), id="seconds are honoured"),
        pytest.param("315360000", timedelta(hours=1), id="ten years are capped at an hour"),
        pytest.param("9" * 400, timedelta(hours=1), id="so is a number that no timedelta can hold"),
        pytest.param("Fri, 20 Nov 2026 12:05:00 GMT", timedelta(minutes=5), id="a date is honoured"),
        pytest.param("Sat, 20 Nov 2027 12:05:00 GMT", timedelta(hours=1), id="a far date is capped"),
    ],
)
def test_retry_after(asked: str, wait: timedelta) -> None:
    assert judged(Answered(503, asked)) == RetryAt(NOW + wait, "unavailable")


@pytest.mark.parametrize("asked", ["0", "-5", "soon", "", "1.5", "٣٠", "Fri, 20 Nov 2020 12:05:00 GMT", None])
def test_retry_after_never_brings_a_try_forward(asked: str | None) -> None:
    assert judged(Answered(503, asked)) == judged(Answered(503))


def test_a_retry_beyond_the_horizon_is_no_retry() -> None:
    assert judged(Answered(503), tries=7, expires_in=timedelta(minutes=10)) == Expired("unavailable")


def test_news_that_is_too_old_is_not_sent() -> None:
    verdict = judge_before_sending(claimed(expires_in=timedelta(0)), DEFAULT_SCHEDULE, NOW)

    assert verdict == Expired("late")


def test_a_row_that_kills_its_workers_ends_as_crashed() -> None:
    last = claimed(tries=len(DEFAULT_SCHEDULE) + 1)
    beyond = claimed(tries=len(DEFAULT_SCHEDULE) + 2)

    assert judge_before_sending(last, DEFAULT_SCHEDULE, NOW) is None
    assert judge_before_sending(beyond, DEFAULT_SCHEDULE, NOW) == Rejected("crashed")


def test_nothing_is_sent_once_the_lease_is_lost() -> None:
    late = NOW + timedelta(seconds=61)

    assert judge_before_sending(claimed(), DEFAULT_SCHEDULE, late) == Postponed(late)


def test_our_own_faults_are_tried_again_soon() -> None:
    verdict = postponed(claimed(), NOW)

    assert isinstance(verdict, Postponed)
    assert timedelta(seconds=8) <= verdict.at - NOW <= timedelta(seconds=12)

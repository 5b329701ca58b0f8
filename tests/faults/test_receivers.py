"""Slow, lying, torn and hostile receivers cost only their own notifications (FLT-20 to FLT-29).

One site for all of them, as in life: each test signs people out, watches what its relying party got
and lets the checker judge everything that has happened in the site so far.
"""

import json
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import manners
from tests.faults.simulators import Manner, RelyingParty, polite
from tests.faults.site import DEADLINE, Site
from tests.faults.sites import Sites
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("fault receivers")]


@pytest.fixture(scope="module")
def site(sites: Sites) -> Iterator[Site]:
    site = sites.make("sqlite").open()
    yield site
    site.close()


@pytest.fixture(autouse=True)
def everybody_behaves(site: Site) -> Iterator[None]:
    yield
    for rp in site.rps.values():
        rp.released.set()
        rp.manner = polite
        if not rp.is_listening:
            rp.listen()
    site.wait_until_settled()
    for rp in site.rps.values():
        rp.released.clear()


def sign_out_of(site: Site, *rps: str, count: int = 1) -> list[str]:
    """Sign a person out of these and return the sids of the first."""
    sids = []
    for _ in range(count):
        visit = site.visitors.sign_in("ada", rps)
        site.visitors.sign_out(visit)
        sids.append(visit.client_sessions[rps[0]].sid)
    return sids


def attempts_at(site: Site, sid: str) -> list[dict]:
    return site.database.rows(
        "SELECT a.* FROM delivery_attempt a JOIN delivery d ON d.id = a.delivery_id"
        f" WHERE d.sid = '{sid}' ORDER BY a.number"
    )


def wait_for_attempt(site: Site, sid: str, number: int = 1) -> dict:
    """Wait until a try has come to an end."""
    wait_until(lambda: [a for a in attempts_at(site, sid) if a["number"] == number and a["finished_at"]])
    return attempts_at(site, sid)[number - 1]


@pytest.mark.parametrize(
    ("manner", "outcome"),
    [
        pytest.param(manners.silent, "timeout", id="FLT-22 it never answers"),
        pytest.param(manners.drips_header, "timeout", id="FLT-20 its header drips"),
        pytest.param(manners.drips_body, "accepted", id="FLT-21 its body drips after a yes"),
        pytest.param(manners.sends_endless_body, "accepted", id="FLT-25 its body has no end"),
        pytest.param(manners.sends_bomb, "accepted", id="FLT-25 its body is a bomb"),
        pytest.param(manners.sends_huge_header, "too_large", id="FLT-25 its header has ten megabytes"),
        pytest.param(manners.resets, "reset", id="FLT-23 it resets after the work is done"),
    ],
)
def test_a_bad_receiver_is_bounded(site: Site, manner: Manner, outcome: str) -> None:
    site.rps["green"].manner = manner
    before = memory_of(site)
    [sid] = sign_out_of(site, "green", "red")

    attempt = wait_for_attempt(site, sid)
    site.rps["green"].manner = polite
    site.wait_until_settled()

    assert attempt["outcome"] == outcome
    # The worker is held for the deadline at most; red is not held at all.
    assert attempt["latency_ms"] < DEADLINE * 1000 + 700
    assert memory_of(site) - before < 20 * 1024 * 1024
    # What was answered with 200 before the mischief began is a yes; everything else came again.
    assert len(site.history.receipts_of("green", sid)) == (1 if outcome == "accepted" else 2)
    assert site.findings(disturbances=1) == []


def memory_of(site: Site) -> int:
    """The resident memory of the worker in bytes, without its code, which is read when first used."""
    _, resident, shared, *_ = map(int, Path(f"/proc/{site.workers[0].pid}/statm").read_text().split())
    return (resident - shared) * resource.getpagesize()


def test_no_app_waits_for_the_slow_ones(site: Site) -> None:
    """FLT-20, INV-09, INV-10: one hangs, and the others and the people do not notice."""
    site.rps["green"].manner = manners.silent
    visits = [site.visitors.sign_in("ada", ["green", "red", "blue"]) for _ in range(8)]
    for visit in visits:
        site.visitors.sign_out(visit)

    def all_notified() -> bool:
        return all(
            site.history.receipts_of(rp, visit.client_sessions[rp].sid)
            for visit in visits
            for rp in ("red", "blue")
        )

    wait_until(all_notified)
    waited = [
        (
            site.history.receipts_of(rp, visit.client_sessions[rp].sid)[0].at - visit.end_asked_at
        ).total_seconds()
        for visit in visits
        for rp in ("red", "blue")
    ]
    assert max(waited) < DEADLINE
    assert max(visit.end_seconds for visit in visits) < DEADLINE


@pytest.mark.parametrize(
    "retry_after",
    [
        pytest.param("0", id="zero"),
        pytest.param("garbage", id="garbage"),
        pytest.param("Wed, 21 Oct 2015 07:28:00 GMT", id="a date long ago"),
        pytest.param("-5", id="negative"),
    ],
)
def test_retry_after_makes_nothing_sooner(site: Site, retry_after: str) -> None:
    """FLT-27: our own schedule is the least, whatever is asked for."""
    site.rps["green"].manner = manners.says(429, 200, headers=f"Retry-After: {retry_after}\r\n")
    [sid] = sign_out_of(site, "green")
    site.wait_until_settled()

    first, second = site.history.receipts_of("green", sid)
    assert (second.at - first.at).total_seconds() > 0.15
    assert site.findings() == []


def test_retry_after_is_obeyed_up_to_an_hour(site: Site) -> None:
    """FLT-27: ten years are an hour; what waits can be sent at once by hand."""
    site.rps["green"].manner = manners.says(429, 200, headers="Retry-After: 315360000\r\n")
    [sid] = sign_out_of(site, "green")
    wait_for_attempt(site, sid)

    [row] = site.deliveries(f"d.sid = '{sid}'")
    wait = (row["next_attempt_at"] - row["created_at"]).total_seconds()
    assert 3500 < wait < 3700
    site.curfew("delivery", "retry", row["id"])
    site.wait_until_settled()
    assert site.findings() == []


def test_no_redirect_is_followed(site: Site) -> None:
    """FLT-28: no second connection, and the registered address is tried again."""
    trap = RelyingParty("trap")
    try:
        site.rps["yellow"].manner = manners.says(307, 307, 307, 200, headers=f"Location: {trap.url}/\r\n")
        [sid] = sign_out_of(site, "yellow")
        site.wait_until_settled()

        outcomes = [a["outcome"] for a in attempts_at(site, sid)]
        assert outcomes == ["redirected", "redirected", "redirected", "accepted"]
        assert trap.opened == 0
        assert site.findings() == []
    finally:
        trap.close()


@pytest.mark.parametrize("status", [302, 400, 403, 404])
def test_who_refuses_for_a_while_is_notified_in_the_end(site: Site, status: int) -> None:
    """DLV-11: an ingress answers for an app that restarts, or the app has a stale key set."""
    site.rps["yellow"].manner = manners.says(status)
    sids = sign_out_of(site, "yellow", count=3)
    twice = "c.client_id = 'yellow' AND d.state = 'pending' AND d.refusals > 1"
    wait_until(lambda: site.deliveries(twice))
    refusing = json.loads(site.curfew("delivery", "list", "--state", "refusing", "--json"))
    assert {row["client_id"] for row in refusing} == {"yellow"}

    site.rps["yellow"].manner = polite
    site.wait_until_settled()

    assert {row["state"] for sid in sids for row in site.deliveries(f"d.sid = '{sid}'")} == {"accepted"}
    assert site.findings() == []


def test_a_liar_is_believed_and_nothing_more_is_said(site: Site) -> None:
    """FLT-29: a yes is shown as a yes, no sooner than it came (INV-17)."""
    site.rps["blue"].manner = manners.patient
    visit = site.visitors.sign_in("ada", ["red", "blue"])
    page = site.visitors.sign_out_by_hand(visit)
    wait_until(lambda: site.visitors.read_results(page)["red"] == "notified")
    assert site.visitors.read_results(page)["blue"] in ("pending", "trying")

    site.rps["blue"].released.set()
    wait_until(lambda: site.visitors.read_results(page)["blue"] == "notified")
    assert site.findings(disturbances=1) == []


@pytest.mark.long
def test_a_storm_of_errors_and_a_flapping_one(site: Site) -> None:
    """FLT-26: half of the responses are 500, for a while all of them; every app is notified in the end."""
    site.rps["green"].manner = manners.flaps(0.5)
    sign_out_of(site, "green", "red", count=15)
    site.rps["green"].manner = manners.says(500)
    sids = sign_out_of(site, "green", "red", count=15)
    wait_for_attempt(site, sids[0])
    site.rps["green"].manner = polite
    site.wait_until_settled()

    assert site.findings() == []


@pytest.mark.long
def test_a_herd_comes_back(site: Site) -> None:
    """FLT-39: everybody is away and comes back at once; no endpoint gets more than its limits."""
    for rp in site.rps.values():
        rp.vanish()
    visits = [site.visitors.sign_in("ada", ["red", "green", "blue"]) for _ in range(40)]
    for visit in visits:
        site.visitors.sign_out(visit)
    # The breakers open after some tries, and hold the rest without using up its tries (DLV-14).
    tried = "SELECT count(*) AS n FROM delivery_attempt a JOIN delivery d ON d.id = a.delivery_id"
    wait_until(lambda: site.database.rows(f"{tried} WHERE d.state = 'pending'")[0]["n"] >= 30)
    for rp in site.rps.values():
        rp.busiest = 0
        rp.listen()
        rp.manner = manners.late(0.05)
    site.wait_until_settled()

    assert max(rp.busiest for rp in site.rps.values()) <= 10
    assert site.findings() == []

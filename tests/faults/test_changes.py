"""Changes between two tries: keys, addresses, clients, the clock, and the person who comes back.

FLT-37, FLT-40 to FLT-43.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.manners import says
from tests.faults.simulators import RelyingParty, polite
from tests.faults.site import SUB_ONLY, Site
from tests.support.waiting import wait_until

pytestmark = pytest.mark.processes
OpenSite = Callable[..., Site]
# Time enough between two tries to change something by a command.
UNHURRIED = "2s,2s,2s,2s,4s,4s,4s,4s"
SHIFTED = Path(__file__).with_name("shifted_clock.py")


def owe_while_it_fails(site: Site, *rps: str):
    """Sign out while these fail; returns the visit when each has been tried once."""
    for name in rps:
        site.rps[name].manner = says(503)
    visit = site.visitors.sign_in("ada", rps)
    site.visitors.sign_out(visit)
    wait_until(lambda: not site.deliveries("d.last_outcome IS NULL"))
    return visit


def judge(site: Site, visit, **rules: object) -> None:
    """Let everybody behave, wait for the end of all news, and let the checker speak."""
    for rp in site.rps.values():
        rp.manner = polite
    site.wait_until_settled()
    site.visitors.probe(visit)
    assert site.findings(**rules) == []


def test_the_person_comes_back_between_two_tries(open_site: OpenSite) -> None:
    """FLT-43: the new session lives at both; who acts on sub alone hears nothing of the old one any more."""
    site = open_site()
    visit = owe_while_it_fails(site, "red", SUB_ONLY)
    again = site.visitors.sign_in("ada", ["red", SUB_ONLY])
    heard = len(site.history.receipts_of(SUB_ONLY))
    judge(site, visit)

    assert again.client_sessions["red"].sid != visit.client_sessions["red"].sid
    assert not site.history.receipts_of("red", again.client_sessions["red"].sid)
    assert {row["rp"]: row["state"] for row in site.deliveries()} == {
        "red": "accepted",
        SUB_ONLY: "superseded",
    }
    # A try that was under way when the person came back may have been the last.
    assert len(site.history.receipts_of(SUB_ONLY)) <= heard + 1
    assert site.visitors.sign_out(again).status_code == 303
    judge(site, again)


@pytest.mark.long
def test_the_keys_are_rotated_between_two_tries(open_site: OpenSite) -> None:
    """FLT-41: each token verifies with the JWKS of its moment; a withdrawn key signs nothing more."""
    site = open_site("postgresql", delivery_schedule="2s," * 60 + "2s")
    visit = owe_while_it_fails(site, "red", "green")
    kids = {rp: site.history.receipts_of(rp)[0].kid for rp in ("red", "green")}
    site.curfew("keys", "rotate", "--now", "--alg", "RS256")
    site.curfew("keys", "compromise", kids["green"])

    # KEY-07: every other process notices within a minute.
    wait_until(lambda: all(site.history.receipts_of(rp)[-1].kid != kid for rp, kid in kids.items()))
    published = {
        row["kid"] for row in site.database.rows("SELECT kid FROM signing_key WHERE state = 'active'")
    }
    last = [site.history.receipts_of(rp)[-1] for rp in kids]
    assert all(receipt.kid in published and receipt.is_valid for receipt in last)
    for rp in site.rps.values():
        rp.manner = polite
    site.wait_until_settled()
    site.visitors.probe(visit)

    # Until its minute is over, a token of the withdrawn key may come, which no app can verify.
    findings = site.findings(tries=100)
    assert [found for found in findings if kids["green"] not in found] == []


@pytest.mark.long
@pytest.mark.parametrize("change", ["moved", "disabled", "removed", "another algorithm"])
def test_a_client_changes_between_two_tries(open_site: OpenSite, change: str) -> None:
    """FLT-42, DLV-22: the next try goes where the client is now, and goes at all."""
    site = open_site(delivery_schedule=UNHURRIED)
    moved = RelyingParty("red")
    moved.begin(site.history, site.issuer)
    try:
        visit = owe_while_it_fails(site, "red")
        uri = f"{moved.url}/backchannel-logout"
        match change:
            case "moved":
                site.curfew("client", "update", "red", "--backchannel-logout-uri", uri)
            case "disabled":
                # No command does it; an operator would by hand.
                site.database.write("UPDATE client SET disabled_at = created_at WHERE client_id = 'red'")
            case "removed":
                site.curfew("client", "remove", "red", "--yes")
            case "another algorithm":
                site.curfew("client", "update", "red", "--id-token-signed-response-alg", "ES256")
        judge(site, visit)

        last = site.history.receipts_of("red")[-1]
        assert last.is_accepted
        if change == "moved":
            assert moved.opened
        if change == "another algorithm":
            first = site.history.receipts_of("red")[0]
            assert first.kid != last.kid
    finally:
        moved.close()


@pytest.mark.long
def test_the_signer_is_away(open_site: OpenSite) -> None:
    """FLT-37: no try is counted and nothing unsigned leaves; the news flows when the signer is back."""
    site = open_site("postgresql", workers=0)
    visit = site.visitors.sign_in("ada", ["red", "green"])
    # It does not start without a key that it can open, and has read none to sign with before its first turn.
    site.start_worker()
    site.database.write("ALTER TABLE signing_key RENAME COLUMN sealed_private_key TO gone")
    site.visitors.sign_out(visit)
    wait_until(lambda: site.workers[0].events("delivery_not_built"))

    assert not site.history.receipts
    assert {row["attempt_count"] for row in site.deliveries()} <= {0, 1}
    site.database.write("ALTER TABLE signing_key RENAME COLUMN gone TO sealed_private_key")
    judge(site, visit)
    assert {receipt.attempt for receipt in site.history.receipts} == {1}


@pytest.mark.long
@pytest.mark.parametrize("seconds", [30, -30, 300, -300, -3600])
def test_the_clock_of_one_worker_jumps(open_site: OpenSite, seconds: int) -> None:
    """FLT-40: two workers, one of which lives in another time from the middle of the retries on."""
    site = open_site(workers=0)
    shift = site.folder / "shift"
    shift.write_text("0")
    launcher = [sys.executable, str(SHIFTED), str(shift)]
    site.start_worker(launcher=launcher)
    site.start_worker()
    visit = owe_while_it_fails(site, "red", "green")
    shift.write_text(str(seconds))
    others = [site.visitors.sign_in("ben", ["red", "blue"]) for _ in range(5)]
    for other in others:
        site.visitors.sign_out(other)
    for rp in site.rps.values():
        rp.manner = polite
    site.wait_until_settled()
    for gone in (visit, *others):
        site.visitors.probe(gone)

    findings = site.findings(disturbances=1, has_zombies=True)
    if abs(seconds) > 30:
        # A token of another hour is none for a strict relying party; these ones say yes nevertheless. What
        # must hold is that nothing was lost, falsely ended or revived.
        findings = [found for found in findings if not found.startswith(("INV-05", "INV-02", "INV-14"))]
    assert findings == []


def test_an_app_that_is_back_does_not_wait_for_its_breaker(open_site: OpenSite) -> None:
    """DLV-14: the first code that it redeems after its absence has it tried at once."""
    site = open_site(endpoint_probe_wait="1h", delivery_schedule="3600s")
    visits = [site.visitors.sign_in("ada", ["green"]) for _ in range(11)]
    site.rps["green"].manner = says(404)
    for visit in visits:
        site.visitors.sign_out(visit)
    health = "SELECT state FROM endpoint_health"
    wait_until(lambda: [row["state"] for row in site.database.rows(health)] == ["open"])
    site.rps["green"].manner = polite

    site.visitors.sign_in("ben", ["green"])

    site.wait_until_settled()
    assert site.findings() == []

"""The checker finds nothing in an undisturbed run, and every fault that is planted into its evidence."""

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.faults.checker import Rules, check
from tests.faults.history import History, Probe, Visit, now
from tests.faults.site import Site
from tests.faults.tables import Tables, read_tables

pytestmark = pytest.mark.processes
Plant = Callable[[Tables, History], None]


def first(rows: dict) -> dict:
    return next(iter(rows.values()))


def of_red(history: History):
    return next(receipt for receipt in history.receipts if receipt.rp == "red")


def revive_session(tables: Tables, history: History) -> None:
    first(tables.sessions)["ended_at"] = None
    for client_session in tables.client_sessions.values():
        client_session["ended_at"] = None


def repeat_receipt(tables: Tables, history: History) -> None:
    history.receipts.append(replace(of_red(history), attempt=2))


def repeat_attempt(tables: Tables, history: History) -> None:
    history.receipts.append(replace(of_red(history), claims=of_red(history).claims | {"jti": "another"}))


def state_untruly(tables: Tables, history: History) -> None:
    history.statements.append(("/session/ended/x", "red", "notified", history.visits[0].began_at))


def break_chain(tables: Tables, history: History) -> None:
    tables.audit[0] |= {"seq": 1, "chain": "0" * 64}


def withdraw_key(tables: Tables, history: History) -> None:
    key = next(row for row in tables.keys.values() if row["kid"] == of_red(history).kid)
    key["destroyed_at"] = now() - timedelta(hours=1)


PLANTS: dict[str, tuple[str, Plant]] = {
    "a delivery is missing": ("INV-01", lambda t, h: t.deliveries.pop(next(iter(t.deliveries)))),
    "a delivery still waits": ("INV-01", lambda t, h: first(t.deliveries).update(state="pending")),
    "a grant survived": ("INV-01", lambda t, h: first(t.grants).update(revoked_at=None)),
    "a client session survived": ("INV-01", lambda t, h: first(t.client_sessions).update(ended_at=None)),
    "an RP heard nothing": ("INV-02", lambda t, h: h.receipts.remove(of_red(h))),
    "an RP was given up": ("INV-02", lambda t, h: first(t.deliveries).update(state="expired")),
    "a response ended a delivery": ("INV-01", lambda t, h: first(t.deliveries).update(state="rejected")),
    "an RP was left alone": ("INV-02", lambda t, h: first(t.deliveries).update(state="cancelled")),
    "a token for a session that lives": ("INV-03", revive_session),
    "a token before the end": ("INV-03", lambda t, h: setattr(h.visits[0], "end_asked_at", now())),
    "a token for another's session": ("INV-03", lambda t, h: of_red(h).claims.update(sid="unknown")),
    "a token with sub alone": ("INV-03", lambda t, h: of_red(h).claims.pop("sid")),
    "a token that still works": (
        "INV-04",
        lambda t, h: h.probes.append(Probe(at=now(), person="ada", artefact="cookie", worked=True)),
    ),
    "a bad signature": ("INV-05", lambda t, h: of_red(h).problems.append("not verified")),
    "a jti came twice": ("INV-06", repeat_receipt),
    "an attempt came twice": ("INV-06", repeat_attempt),
    "two yeses without a disturbance": ("INV-07", repeat_attempt),
    "too many tries": ("INV-08", lambda t, h: first(t.deliveries).update(attempt_count=99)),
    "a logout without audit": ("INV-12", lambda t, h: t.audit.clear()),
    "a changed audit entry": ("INV-12", lambda t, h: t.audit[0].update(ip="198.51.100.7")),
    "a broken audit chain": ("INV-12", break_chain),
    "a token in a log": ("INV-13", lambda t, h: h.secrets.add("token in the log of the test")),
    "a withdrawn key signs": ("INV-14", withdraw_key),
    "an attempt number twice": ("INV-16", lambda t, h: t.attempts.append(t.attempts[0])),
    "shown as notified without a confirmation": ("INV-17", state_untruly),
}


def test_every_planted_fault_is_found(open_site: Callable[..., Site]) -> None:
    site = open_site()
    visit = site.visitors.sign_in("ada", list(site.rps))
    site.visitors.sign_out(visit)
    site.wait_until_settled()
    site.visitors.probe(visit)
    log = site.folder / "planted.log"
    log.write_text("token in the log of the test")
    tables, history = read_tables(site.database), site.history
    rules = Rules(secret_key=site.secret_key)

    assert check(tables, history, rules, [log, *site.logs]) == []
    assert {receipt.rp for receipt in history.receipts} == set(site.rps)

    missed = []
    for name, (invariant, plant) in PLANTS.items():
        changed = copy.deepcopy(tables)
        seen = History(
            receipts=copy.deepcopy(history.receipts),
            visits=copy.deepcopy(history.visits),
            probes=list(history.probes),
        )
        changed.__post_init__()
        plant(changed, seen)
        changed.__post_init__()
        if not any(found.startswith(invariant) for found in check(changed, seen, rules, [log])):
            missed.append(name)
    assert missed == []


def test_tokens_beside_offline_access_end_with_the_session(open_site: Callable[..., Site]) -> None:
    site = open_site()
    visit = site.visitors.sign_in("ada", list(site.rps))
    rp = next(iter(site.rps))
    site.visitors.allow_offline(visit, rp)
    offline = Visit(person="ada", began_at=now(), cookie=visit.cookie, client_sessions=visit.offline)

    site.visitors.sign_out(visit)
    site.wait_until_settled()

    assert not any(probe.worked for probe in site.visitors.probe(visit))
    assert check(read_tables(site.database), site.history, Rules(secret_key=site.secret_key)) == []
    worked = {probe.artefact for probe in site.visitors.probe(offline) if probe.worked}
    assert worked == {"access token", "refresh token"}

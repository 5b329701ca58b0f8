"""An independent judge: was anything lost, was anybody signed out falsely, did anything ended live on?

It shares no code with the product. It reads what the relying parties and the people saw (history.py),
the database by plain SQL, the audit by its own computation, and the logs as text, and holds them
against INV-01 to INV-17 as far as a run can show them. Each finding is one sentence.

INV-09 and INV-10 are spans of time and are measured by benchmarks/soak.py and by the tests that play
slow receivers; INV-11 is played by the restore of a backup, INV-15 by the databases that are away.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from tests.faults.audit_checker import audit_is_complete, audit_is_linked
from tests.faults.databases import Row
from tests.faults.history import History, Receipt, Visit, now
from tests.faults.tables import FINAL, Tables, dashed

# What was not ours to prevent: clocks of two processes on one machine, and a look just before a write.
SLACK = timedelta(seconds=1)


@dataclass(kw_only=True)
class Rules:
    """The effects that this run may have and an undisturbed one may not."""

    # Tries of one delivery by the schedule's waits and the first; from then on one for each last wait.
    tries: int = 13
    last_wait: timedelta = timedelta(hours=24)
    # Worker crashes, freezes and lost responses: each may cost one repetition of what was in flight.
    disturbances: int = 0
    # A frozen worker may send a try after another worker has sent the next one.
    has_zombies: bool = False
    # Relying parties that never got well: their news need not have arrived.
    unreachable: frozenset[str] = frozenset()
    # Whether everything owed must have come to an end by now.
    is_settled: bool = True
    lease: timedelta = timedelta(seconds=3)
    sweep: timedelta = timedelta(seconds=2)
    secret_key: bytes = b""


def check(tables: Tables, history: History, rules: Rules, logs: Iterable[Path] = ()) -> list[str]:
    """Return everything that is wrong, each as a sentence that begins with its invariant."""
    with history.lock:
        receipts, visits = list(history.receipts), list(history.visits)
    return [
        *_nothing_lost(tables, visits, rules),
        *_notified_at_least_once(tables, receipts, rules),
        *_no_false_logout(tables, receipts, visits),
        *_revoked_stays_revoked(tables, history),
        *_valid_at_receipt(receipts),
        *_identifiers(receipts, rules),
        *_bounded(tables, receipts, rules),
        *audit_is_complete(tables),
        *audit_is_linked(tables, rules.secret_key),
        *_no_secrets(history, logs),
        *_keys_were_published(tables, receipts),
        *_one_effect(tables),
        *_true_statements(history, receipts),
    ]


def _nothing_lost(tables: Tables, visits: list[Visit], rules: Rules) -> Iterator[str]:
    """INV-01: one delivery for each client session that ended, and none that is forgotten."""
    owed = Counter((row["logout_id"], row["subject_key"]) for row in tables.deliveries.values())
    for client_session in tables.client_sessions.values():
        client = tables.clients[client_session["client_id"]]
        registered = client["registered"]
        if client_session["ended_at"] is None or not registered.get("backchannel_logout_uri"):
            continue
        names_sid = client["logout_token_names"] != "sub"
        key = f"sid:{dashed(client_session['id'])}" if names_sid else f"sub:{dashed(client['id'])}"
        if (count := owed[client_session["logout_id"], key]) != 1:
            ended = f"{client['client_id']}'s client session {client_session['id']}"
            yield f"INV-01: the end of {ended} has {count} deliveries"
    alive = {row["sid"] for row in tables.client_sessions.values() if row["ended_at"] is None}
    for visit in visits:
        for name, tokens in visit.client_sessions.items():
            if visit.end_answered_at and tokens.sid and tokens.sid in alive:
                yield f"INV-01: {visit.person}'s end was answered, but the client session of {name} lives"
    yield from _no_stale_row(tables, rules)
    yield from _all_or_nothing(tables)


def _no_stale_row(tables: Tables, rules: Rules) -> Iterator[str]:
    for row in tables.deliveries.values():
        if row["state"] in FINAL:
            continue
        if rules.is_settled:
            yield f"INV-01: delivery {row['id']} is still {row['state']}"
        if row["leased_until"] and row["leased_until"] + rules.sweep + rules.lease < now():
            yield f"INV-01: delivery {row['id']} has no worker since {row['leased_until']}"


def _all_or_nothing(tables: Tables) -> Iterator[str]:
    """A logout is whole: an ended session has no valid client session and no valid online grant."""
    for client_session in tables.client_sessions.values():
        session = tables.sessions[client_session["session_id"]]
        grant = tables.grants[client_session["grant_id"]]
        if session["ended_at"] and client_session["ended_at"] is None:
            left = client_session["id"]
            yield f"INV-01: session {session['id']} has ended and its client session {left} has not"
        if session["ended_at"] and grant["revoked_at"] is None and not grant["offline"]:
            yield f"INV-01: session {session['id']} has ended and its grant {grant['id']} has not"
    for row in (*tables.sessions.values(), *tables.client_sessions.values()):
        if row["ended_at"] and row["logout_id"] not in tables.logouts:
            yield f"INV-01: {row['id']} ended without a logout"


def _notified_at_least_once(tables: Tables, receipts: list[Receipt], rules: Rules) -> Iterator[str]:
    """INV-02: every app that could be reached has received a valid token for each of its sids that ended."""
    heard = {(receipt.rp, receipt.delivery) for receipt in receipts if receipt.is_valid}
    accepted = {receipt.delivery for receipt in receipts if receipt.is_accepted}
    for row in tables.deliveries.values():
        rp = tables.clients[row["client_id"]]["client_id"]
        must_arrive = row["state"] == "accepted" or (
            rules.is_settled and rp not in rules.unreachable and row["state"] != "superseded"
        )
        if must_arrive and (rp, dashed(row["id"])) not in heard:
            yield f"INV-02: {rp} has heard nothing of delivery {row['id']} ({row['state']})"
        if row["state"] == "accepted" and dashed(row["id"]) not in accepted:
            yield f"INV-17: delivery {row['id']} is accepted, but {rp} never said so"
        if (
            rules.is_settled
            and rp not in rules.unreachable
            and row["state"] not in ("accepted", "superseded")
        ):
            yield f"INV-02: {rp} was given up: delivery {row['id']} is {row['state']}"
        yield from _ended_by_nothing_else(row, rp)


def _ended_by_nothing_else(row: Row, rp: str) -> Iterator[str]:
    """DLV-11: only the horizon, an operator or a deletion ends what was not accepted, never a response."""
    if row["state"] not in (*FINAL, "pending"):
        yield f"INV-01: delivery {row['id']} to {rp} is in no state that there is: {row['state']}"
    # A last attempt may be made a minute before the horizon, and no other one fits after it.
    elif row["state"] == "expired" and row["finished_at"] < row["expires_at"] - timedelta(minutes=3):
        yield f"INV-02: {rp} was given up before the horizon: delivery {row['id']}, {row['last_outcome']}"
    elif row["state"] == "cancelled" and not row["cancel_reason"]:
        yield f"INV-02: delivery {row['id']} to {rp} was cancelled without a reason"


def _no_false_logout(tables: Tables, receipts: list[Receipt], visits: list[Visit]) -> Iterator[str]:
    """INV-03: whatever a token names was dead when it came."""
    visit_of = {
        tokens.sid: visit for visit in visits for tokens in visit.client_sessions.values() if tokens.sid
    }
    for receipt in receipts:
        if not receipt.claims:
            # No app could verify it, so it could end nothing: that is INV-05.
            continue
        sid = receipt.claims.get("sid")
        if sid is None:
            yield from _no_false_sub(tables, receipt)
            continue
        client_session = tables.client_sessions_by_sid.get(sid)
        if client_session is None or tables.clients[client_session["client_id"]]["client_id"] != receipt.rp:
            yield f"INV-03: {receipt.rp} got a token for a session it has no client session of"
        elif client_session["ended_at"] is None or client_session["ended_at"] > receipt.at + SLACK:
            yield f"INV-03: {receipt.rp} got a token for a session that lives ({client_session['id']})"
        visit = visit_of.get(sid)
        # A session end that no visitor asked for, such as an administrator's, has no visit to compare.
        if visit and visit.end_asked_at and receipt.at < visit.end_asked_at:
            yield f"INV-03: {receipt.rp} heard of {visit.person}'s end before it was asked for"
    twice = [
        sid for sid, n in Counter(row["sid"] for row in tables.client_sessions.values()).items() if n > 1
    ]
    yield from (f"INV-03: the sid {sid} was used twice" for sid in twice)


def _no_false_sub(tables: Tables, receipt: Receipt) -> Iterator[str]:
    """DEC-14: `sub` alone is sent only where the operator chose so, and never after a newer sign-in there."""
    client = tables.client_named(receipt.rp)
    if client["logout_token_names"] != "sub":
        yield f"INV-03: {receipt.rp} got a token without sid"
        return
    row = tables.deliveries.get(receipt.delivery.replace("-", ""))
    if row is None:
        yield f"INV-03: {receipt.rp} got a delivery that is not owed"
        return
    # What was minted before they came back and was on its way could not be called back.
    minted_at = datetime.fromtimestamp(receipt.claims.get("iat", 0), UTC)
    for client_session in tables.client_sessions.values():
        account = tables.sessions[client_session["session_id"]]["account_id"]
        is_theirs = client_session["client_id"] == client["id"] and account == row["account_id"]
        if is_theirs and row["created_at"] < client_session["created_at"] < minted_at:
            newer = client_session["id"]
            yield f"INV-03: {receipt.rp} got a token with sub alone after a newer sign-in ({newer})"


def _revoked_stays_revoked(tables: Tables, history: History) -> Iterator[str]:
    """INV-04: nothing of an ended session works, and nothing is made in it any more."""
    for probe in history.probes:
        if probe.worked:
            yield f"INV-04: {probe.person}'s {probe.artefact} worked at {probe.at} after the end"
    for client_session in tables.client_sessions.values():
        ended_at = tables.sessions[client_session["session_id"]]["ended_at"]
        if ended_at and client_session["created_at"] > ended_at + SLACK:
            yield f"INV-04: the client session {client_session['id']} was begun in a session that had ended"


def _valid_at_receipt(receipts: list[Receipt]) -> Iterator[str]:
    """INV-05: every token that arrived was in order, at that moment, for another JOSE library."""
    for receipt in receipts:
        if not receipt.is_valid:
            yield f"INV-05: {receipt.rp} got a bad token at {receipt.at}: {'; '.join(receipt.problems)}"


def _identifiers(receipts: list[Receipt], rules: Rules) -> Iterator[str]:
    """INV-06: each try has a jti of its own, a constant delivery id and a number that grows."""
    jtis = Counter(receipt.claims.get("jti") for receipt in receipts if receipt.claims)
    yield from (f"INV-06: the jti {jti} came {count} times" for jti, count in jtis.items() if count > 1)
    deliveries_of, tries_of = defaultdict(set), defaultdict(list)
    for receipt in receipts:
        if sid := receipt.claims.get("sid"):
            deliveries_of[receipt.rp, sid].add(receipt.delivery)
        tries_of[receipt.delivery].append(receipt.attempt)
    for (rp, sid), ids in deliveries_of.items():
        if len(ids) > 1:
            yield f"INV-06: {rp} got {len(ids)} delivery ids for the sid {sid}"
    for delivery, tries in tries_of.items():
        if len(set(tries)) != len(tries):
            yield f"INV-06: delivery {delivery} came with the attempts {tries}"
        elif not rules.has_zombies and any(later <= earlier for earlier, later in pairwise(tries)):
            yield f"INV-06: delivery {delivery} came in the order {tries}"


def _bounded(tables: Tables, receipts: list[Receipt], rules: Rules) -> Iterator[str]:
    """INV-07 and INV-08: no more yeses than disturbances explain, no more tries than the schedule has."""
    accepted = Counter(receipt.delivery for receipt in receipts if receipt.is_accepted)
    for delivery, count in accepted.items():
        if count > 1 + rules.disturbances:
            yield f"INV-07: delivery {delivery} was accepted {count} times"
    for row in tables.deliveries.values():
        tries = row["attempt_count"] - row["attempts_before_resend"]
        until = row["finished_at"] or now()
        if tries > rules.tries + int((until - row["created_at"]) / (0.8 * rules.last_wait)):
            yield f"INV-08: delivery {row['id']} was tried {tries} times"
    seen = Counter(receipt.delivery for receipt in receipts)
    for delivery, count in seen.items():
        row = tables.deliveries.get(delivery.replace("-", ""))
        if row is None:
            yield f"INV-08: the delivery {delivery} came and is not owed"
        elif count > row["attempt_count"]:
            yield f"INV-08: delivery {delivery} came {count} times, counted {row['attempt_count']}"


def _no_secrets(history: History, logs: Iterable[Path]) -> Iterator[str]:
    """INV-13: nothing that opens anything, and no address of a person, stands in a log."""
    for path in logs:
        if not path.exists():
            continue
        text = path.read_text(errors="replace")
        found = sum(secret in text for secret in history.secrets if len(secret) >= 16)
        if found:
            yield f"INV-13: {found} secrets stand in {path.name}"
        if "@example.test" in text:
            yield f"INV-13: a person's address stands in {path.name}"


def _keys_were_published(tables: Tables, receipts: list[Receipt]) -> Iterator[str]:
    """INV-14: whatever signed is one of the provider's keys, had begun to sign, and was not withdrawn."""
    keys = {row["kid"]: row for row in tables.keys.values()}
    for receipt in receipts:
        if not receipt.kid:
            continue
        key = keys.get(receipt.kid)
        if key is None:
            yield f"INV-14: {receipt.rp} got a token of the unknown key {receipt.kid}"
            continue
        signed_at = receipt.claims.get("iat", 0)
        # Other processes notice a withdrawal within a minute (KEY-07).
        if key["destroyed_at"] and signed_at > key["destroyed_at"].timestamp() + 60:
            yield f"INV-14: {receipt.rp} got a token of the withdrawn key {receipt.kid}"
        if key["activated_at"] is None or signed_at < int(key["activated_at"].timestamp()):
            yield f"INV-14: {receipt.rp} got a token of the key {receipt.kid} before its time"


def _one_effect(tables: Tables) -> Iterator[str]:
    """INV-16: what can happen once has happened once."""
    numbers = Counter((row["delivery_id"], row["number"]) for row in tables.attempts)
    yield from (f"INV-16: attempt {number} of {id_} twice" for (id_, number), n in numbers.items() if n > 1)
    yeses = Counter(
        row["delivery_id"] for row in tables.attempts if (row["outcome"] or "").startswith("accepted")
    )
    yield from (f"INV-16: delivery {id_} was finished {n} times" for id_, n in yeses.items() if n > 1)


def _true_statements(history: History, receipts: list[Receipt]) -> Iterator[str]:
    """INV-17: a page says `notified` only of an app that had said yes by then."""
    yeses = [(receipt.rp, receipt.at) for receipt in receipts if receipt.is_accepted]
    for _, app, state, at in history.statements:
        if state == "notified" and not any(rp == app and heard_at <= at for rp, heard_at in yeses):
            yield f"INV-17: people were shown that {app} was notified, which it was not"

"""Measure how fast real processes notify apps of sign-outs, beside the bare cost of the same POSTs.

    python -m benchmarks.delivery [--database postgresql|sqlite] [--full] [--only a,b,c,s,d,e,f]

(a) one RP, (b) a hundred RPs, (c) a backlog with one and two workers and the yardstick, by the signature
that the commands preselect and by RS256, (s) with one and two workers and RPs that take a while to answer, so
that this machine's CPUs are not the limit, (d) a tenth of the RPs hangs, (e) /session/end while RPs are dead,
(f) idle workers. `--full` drains 50,000.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import requests
from sqlalchemy import func, insert, select

from benchmarks import delivery_site as site
from provider.accounts.models import Account
from provider.app import create_app
from provider.clients.models import Client
from provider.config import Settings
from provider.delivery.models import Delivery
from provider.infrastructure import clock, current, schema
from provider.infrastructure.database import after_commit, db, reading, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.keys.lifecycle import ensure_keys
from provider.logout.end_session import end
from provider.logout.models import Logout, LogoutReason
from provider.logout.notice import LogoutNotice
from provider.logout.steps import Cause
from tests.factories import make_account, make_client, make_session
from tests.support.browsers import id_token_of

RPS = 100
BUDGET = timedelta(seconds=1)
YARDSTICKS = ("requests", "signing", "urllib3")
# The default of the commands for a client, and the default of OpenID Connect.
ALGORITHMS = ("ES256", "RS256")
# A typical response time over a network, at which a worker waits more than it works.
SLOW_RESPONSE = 0.05
BY_PERSON = Cause(reason=LogoutReason.USER, initiator="account")
rows: list[tuple[str, str, str, str]] = []


def say(what: str, value: str, target: str, note: str = "") -> None:
    rows.append((what, value, target, note))
    print(f"{what:58} {value:>14}  {target:22} {note}", flush=True)


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


class Bench:
    """Ada, a hundred apps at the receivers, and workers to start."""

    def __init__(self, folder: Path, database_url: str, broker_url: str) -> None:
        self.folder = folder
        self.issuer = f"http://localhost:{site.free_port()}"
        self.environ = {
            "CURFEW_ISSUER": self.issuer,
            "CURFEW_DATABASE_URL": database_url,
            "CURFEW_DATA_DIR": str(folder / "data"),
            "CURFEW_BROKER_URL": broker_url,
            "CURFEW_SECRET_KEY": site.SECRET_KEY,
            "CURFEW_OUTBOUND_ALLOW": "127.0.0.0/8",
            "CURFEW_NOTIFY_BUDGET": f"{BUDGET.total_seconds()}s",
        }
        self.app = create_app(
            Settings(
                issuer=self.issuer,
                database_url=database_url,
                data_dir=folder / "data",
                broker_url=broker_url,
                secret_key=site.SECRET_KEY,
                outbound_allow=("127.0.0.0/8",),
                notify_budget=BUDGET,
                log_level="WARNING",
            )
        )
        self.app.app_context().push()
        schema.upgrade(db.engine)
        with transaction():
            ensure_keys()
        self.ada = make_account("ada")
        self._made = 0

    def clients(self, receivers: site.Receivers, alg: str = "ES256") -> list[Client]:
        """Apps at the receivers; each set has names of its own."""
        self._made += 1
        return [
            make_client(
                f"rp-{self._made}-{number}",
                backchannel_logout_uri=f"http://127.0.1.{number}:{receivers.port}/logout",
                id_token_signed_response_alg=alg,
            )
            for number in range(1, receivers.count + 1)
        ]

    @contextmanager
    def workers(self, count: int) -> Iterator[list[site.Process]]:
        logs = [self.folder / f"worker-{number}.log" for number in range(count)]
        started = [site.command(self.environ, log, "worker") for log in logs]
        try:
            for one in started:
                site.wait_until(lambda one=one: "worker_started" in one.log.read_text(), "a worker")
            # The broker's connection, and the first beat of each, by which they know of each other.
            time.sleep(2 if count == 1 else 17)
            yield started
        finally:
            for one in started:
                one.stop()

    def sign_out(self, clients: list[Client]) -> int:
        """End a session at these apps; returns the instant of the commit."""
        made = make_session(self.ada, clients)
        committed: list[int] = []
        with transaction():
            after_commit(lambda: committed.append(time.monotonic_ns()))
            end(made.session, BY_PERSON)
        db.session.remove()
        return committed[0]

    def wait_for(
        self, receivers: site.Receivers, count: int, seconds: float = 60
    ) -> list[tuple[int, str, int]]:
        received: list[tuple[int, str, int]] = []

        def is_there() -> bool:
            received.extend(receivers.take())
            return len(received) >= count

        site.wait_until(is_there, f"{count} deliveries", seconds)
        return received

    def wait_until_written(self, seconds: float = 300) -> None:
        def is_done() -> bool:
            with reading():
                pending = db.session.scalar(
                    select(func.count()).select_from(Delivery).where(Delivery.state == "pending")
                )
            return not pending

        site.wait_until(is_done, "all written", seconds)


def latencies(bench: Bench, receivers: site.Receivers) -> None:
    clients = bench.clients(receivers)
    with bench.workers(1):
        bench.sign_out(clients)
        bench.wait_for(receivers, RPS)
        bench.wait_until_written()
        one = []
        for turn in range(100):
            committed = bench.sign_out([clients[turn]])
            [(at, *_)] = bench.wait_for(receivers, 1)
            one.append((at - committed) / 1e6)
        say("(a) one RP: commit to notified, median", f"{statistics.median(one):.1f} ms", "<= 25 ms")
        say("    one RP: commit to notified, p99", f"{percentile(one, 0.99):.1f} ms", "")
        last, first = [], []
        for _ in range(20):
            bench.wait_until_written()
            committed = bench.sign_out(clients)
            notified = [(at - committed) / 1e6 for at, *_ in bench.wait_for(receivers, RPS)]
            last.append(max(notified))
            first.append(statistics.median(notified))
        say(
            "(b) 100 RPs: last notified after commit, median",
            f"{statistics.median(last):.0f} ms",
            "<= 150 ms",
        )
        say("    100 RPs: the median RP", f"{statistics.median(first):.0f} ms", "")
        bench.wait_until_written()


def owe_backlog(bench: Bench, clients: list[Client], count: int, seconds: float) -> int:
    """Insert `count` deliveries that all become due at one instant, and return that instant."""
    at = clock.now()
    due = at + timedelta(seconds=seconds)
    ada = db.session.scalars(select(Account).where(Account.id == bench.ada.id)).one()
    with transaction():
        for _ in range(count // len(clients)):
            logout = new_id()
            db.session.execute(insert(Logout), [_logout(logout, ada, at)])
            db.session.execute(
                insert(Delivery), [_delivery(logout, client, ada, at, due) for client in clients]
            )
    db.session.remove()
    left = (due - clock.now()).total_seconds()
    if left < 0:
        raise SystemExit(f"the backlog took {-left:.1f} s too long to write")
    time.sleep(left)
    return time.monotonic_ns()


def _logout(logout: object, ada: Account, at: object) -> dict[str, object]:
    return {
        "id": logout,
        "at": at,
        "reason": "user",
        "scope": "browser",
        "account_id": ada.id,
        "initiator": "account",
        "result_digest": str(logout),
        "sessions_ended": 1,
        "client_sessions_ended": RPS,
        "grants_revoked": RPS,
        "grants_surviving": 0,
        "notifications": RPS,
    }


def _delivery(logout: object, client: Client, ada: Account, at: object, due: object) -> dict[str, object]:
    key = new_id()
    notice = LogoutNotice(account_id=ada.id, session_id=None, sub=ada.sub, sid=str(key))
    owed = notice.owed_to(client.id, str(key))
    return {
        "id": new_id(),
        "kind": owed.kind,
        "cause_id": logout,
        "subject_key": owed.subject_key,
        "recipient_id": owed.recipient_id,
        "about": owed.about,
        **owed.earlier,
        "state": "pending",
        "priority": 1,
        "attempt_count": 0,
        "attempts_before_resend": 0,
        "next_attempt_at": due,
        "correlation_id": key.hex,
        "created_at": at,
        "expires_at": due + timedelta(hours=72),
    }


def drain(bench: Bench, clients: list[Client], receivers: site.Receivers, workers: int, count: int) -> float:
    receivers.take()
    with bench.workers(workers) as running:
        started = owe_backlog(bench, clients, count, 5 + count / 4000)
        spent = [one.cpu_seconds() for one in running]
        # More wake-ups than one worker takes at a time, so that all workers begin at once.
        for _ in range(workers * 20):
            current.services().wake_ups.send(str(new_id()))
        received = bench.wait_for(receivers, count, 900)
        bench.wait_until_written()
        done = (time.monotonic_ns() - started) / 1e9
        cpu = sum(one.cpu_seconds() for one in running) - sum(spent)
    seconds = (max(at for at, *_ in received) - started) / 1e9
    twice = len(received) - len({delivery for _, delivery, _ in received})
    note = (
        f"notified in {seconds:.1f} s, written in {done:.1f} s, "
        f"{1000 * cpu / count:.2f} ms CPU each, {twice} twice"
    )
    say(f"(c) backlog of {count} drained by {workers} worker(s)", f"{count / seconds:.0f} /s", "", note)
    return count / seconds


def yardstick(receivers: site.Receivers, library: str, alg: str, processes: int, times: int) -> float:
    arguments = [library, alg, str(receivers.port), str(receivers.count), str(times)]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.delivery_yardstick", *arguments],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    rate = sum(float(one.communicate()[0]) for one in running)
    receivers.take()
    say(f"    yardstick: bare {library} loop, {processes} process(es)", f"{rate:.0f} /s", "")
    return rate


def throughput(bench: Bench, receivers: site.Receivers, count: int, alg: str) -> None:
    print(f"{alg}:")
    clients = bench.clients(receivers, alg)
    rates = {}
    for workers in (1, 2):
        times = min(count, 5000)
        bare = {library: yardstick(receivers, library, alg, workers, times) for library in YARDSTICKS}
        rates[workers] = drain(bench, clients, receivers, workers, count)
        for library, rate in bare.items():
            target = ">= 60 %" if library == "requests" else ""
            say(f"    share of the bare {library} loop", f"{100 * rates[workers] / rate:.0f} %", target)
    say("    two workers over one", f"{rates[2] / rates[1]:.2f}", ">= 1.7")


def scaling(bench: Bench, folder: Path, count: int) -> None:
    """Compare two workers with one where workers mostly wait, to see whether one slows the other down."""
    print(f"RPs that answer after {1000 * SLOW_RESPONSE:.0f} ms:")
    receivers = site.Receivers(RPS, 0, folder, answers_after=SLOW_RESPONSE)
    try:
        clients = bench.clients(receivers)
        rates = {workers: drain(bench, clients, receivers, workers, count) for workers in (1, 2)}
    finally:
        receivers.stop()
    say("    two workers over one", f"{rates[2] / rates[1]:.2f}", ">= 1.7")


def hanging(bench: Bench, folder: Path) -> None:
    p99 = {}
    for hang in (0, RPS // 10):
        receivers = site.Receivers(RPS, hang, folder)
        clients = bench.clients(receivers)
        notified: list[float] = []
        try:
            with bench.workers(1):
                for _ in range(30):
                    committed = bench.sign_out(clients)
                    received = bench.wait_for(receivers, RPS - hang)
                    notified += [
                        (at - committed) / 1e6 for at, _, number in received if number <= RPS - RPS // 10
                    ]
                    time.sleep(0.5)
        finally:
            receivers.stop()
        # Deliveries to hanging RPs must not disturb the next measurement.
        with transaction():
            db.session.execute(
                Delivery.__table__.update().values(state="accepted").where(Delivery.state == "pending")
            )
        p99[hang] = percentile(notified, 0.99)
        say(f"(d) {hang} of 100 RPs hang: healthy notified, p99", f"{p99[hang]:.0f} ms", "")
    say("    growth of the healthy p99", f"{100 * (p99[RPS // 10] / p99[0] - 1):+.0f} %", "< +20 %")


def session_end(bench: Bench, folder: Path) -> None:
    receivers = site.Receivers(10, 5, folder)
    clients = bench.clients(receivers)[:7]
    dead = [
        make_client(f"dead-{number}", backchannel_logout_uri=f"http://127.0.1.1:{site.free_port()}/logout")
        for number in range(3)
    ]
    serve = site.command(bench.environ, folder / "serve.log", "serve")
    took = []
    try:
        with bench.workers(1):
            site.wait_until(lambda: _is_up(bench.issuer), "the provider")
            for _ in range(60):
                made = make_session(bench.ada, clients + dead)
                hint = id_token_of(clients[0], made.grants[clients[0].client_id], iss=bench.issuer)
                started = time.monotonic()
                response = requests.get(
                    f"{bench.issuer}/session/end",
                    params={"id_token_hint": hint},
                    cookies={"curfew_session": made.handle},
                    allow_redirects=False,
                    timeout=30,
                )
                took.append(time.monotonic() - started)
                assert response.status_code == 303, response.headers
                assert "/session/ended" in response.headers["Location"], response.headers
    finally:
        serve.stop()
        receivers.stop()
    target = f"<= {BUDGET.total_seconds() + 0.2:.1f} s"
    say("(e) /session/end, 5 of 10 RPs dead or hanging, p99", f"{percentile(took, 0.99):.2f} s", target)
    say("    /session/end, median", f"{statistics.median(took):.2f} s", "")


def _is_up(issuer: str) -> bool:
    try:
        return requests.get(f"{issuer}/health/ready", timeout=1).ok
    except requests.RequestException:
        return False


def idle(bench: Bench) -> None:
    with bench.workers(1) as [worker]:
        time.sleep(5)
        before = worker.cpu_seconds()
        time.sleep(30)
        share = (worker.cpu_seconds() - before) / 30
    say("(f) an idle worker", f"{100 * share:.2f} %", "< 2 % of a core")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--backlog", type=int, default=5000)
    parser.add_argument("--full", action="store_true", help="drain 50,000")
    parser.add_argument("--only", default="a,b,c,s,d,e,f")
    options = parser.parse_args()
    only = set(options.only.split(","))
    count = 50_000 if options.full else options.backlog
    print(f"{options.database}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f} at the start")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="curfew-bench-")))
        url = stack.enter_context(site.database(options.database, folder))
        bench = Bench(folder, url, stack.enter_context(site.broker(folder)))
        receivers = site.Receivers(RPS, 0, folder)
        stack.callback(receivers.stop)
        if only & {"a", "b"}:
            latencies(bench, receivers)
        if "c" in only:
            for alg in ALGORITHMS:
                throughput(bench, receivers, count, alg)
        if "s" in only:
            scaling(bench, folder, min(2 * count, 20_000))
        if "d" in only:
            hanging(bench, folder)
        if "e" in only:
            session_end(bench, folder)
        if "f" in only:
            idle(bench)
        db.session.remove()
        db.engine.dispose()
    print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()

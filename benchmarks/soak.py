"""Random faults under load, and what was lost by them: `make soak MINUTES=5`.

People sign in at some of five relying parties and out again, over and over, while a nemesis kills,
freezes, cuts, flushes and restarts whatever there is. Then everything heals, the schedule runs out, and
the checker of tests/faults says what was lost, falsely ended or revived. All of them must be 0; a zero
of n logouts is stated with its upper bound 3/n (95 %).
"""

import argparse
import random
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import requests

from benchmarks import soak_disconnect
from benchmarks.soak_disconnect import Disconnecting
from provider.command import compose
from tests.faults import manners
from tests.faults.conftest import Broker
from tests.faults.databases import PostgresDatabase
from tests.faults.history import Visit
from tests.faults.simulators import polite
from tests.faults.site import SUB_ONLY, Site
from tests.faults.sites import Sites
from tests.faults.visitors import Refused
from tests.support.waiting import wait_until

WORKERS = 2
# Each visit goes to two of them, so that sessions are begun and ended all the time.
RPS_PER_VISIT = 2
# The share of visits in which a relying party also gets offline access, which outlives the session.
OFFLINE_SHARE = 0.2
PEOPLE = ("ada", "ben", "cleo")
WITHOUT_RESPONSE = (requests.RequestException, Refused)
NAMES = {
    "INV-01": "lost",
    "INV-02": "lost",
    "INV-03": "false logouts",
    "INV-04": "revived",
}
REFUSALS = (302, 400, 403, 404)


class Load:
    """Threads of people who come and go."""

    def __init__(self, site: Site, threads: int) -> None:
        self._site = site
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._visit, args=(n,), daemon=True) for n in range(threads)]
        self.unanswered = Counter()
        self.errors: list[BaseException] = []
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(120)

    def _visit(self, number: int) -> None:
        chance = random.Random(number)
        while not self._stop.is_set():
            try:
                self._visit_once(chance)
            except BaseException as exc:  # noqa: BLE001 – kept and shown: it may be a finding.
                self.errors.append(exc)
                return

    def _visit_once(self, chance: random.Random) -> None:
        site = self._site
        try:
            # Relying parties that act on `sub` alone are visited rarely, or every notification would be
            # superseded.
            at_any_time = [name for name in site.rps if name not in (SUB_ONLY, soak_disconnect.APP)]
            rps = chance.sample(at_any_time, RPS_PER_VISIT)
            if chance.random() < 0.1:
                rps.append(SUB_ONLY)
            visit = site.visitors.sign_in(chance.choice(PEOPLE), rps)
        except WITHOUT_RESPONSE:
            self.unanswered["sign-in"] += 1
            self._stop.wait(0.05)
            return
        if chance.random() < OFFLINE_SHARE:
            self._allow_offline(visit, rps[0])
        # Some sessions live for a while, so that there is something that could be ended falsely.
        self._stop.wait(chance.random())
        self._sign_out(visit)
        self._probe(visit)

    def _allow_offline(self, visit: Visit, rp: str) -> None:
        """The same relying party's grants without offline_access must end all the same."""
        try:
            self._site.visitors.allow_offline(visit, rp)
        except WITHOUT_RESPONSE:
            self.unanswered["offline access"] += 1

    def _sign_out(self, visit: Visit) -> None:
        deadline = time.monotonic() + 120
        while visit.end_answered_at is None:
            try:
                self._site.visitors.sign_out(visit)
            except WITHOUT_RESPONSE:
                self.unanswered["sign-out"] += 1
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _probe(self, visit: Visit) -> None:
        try:
            self._site.visitors.probe(visit)
        except WITHOUT_RESPONSE:
            self.unanswered["probe"] += 1


class Nemesis:
    """Does one bad thing after the other, each for a moment, and undoes it."""

    def __init__(self, site: Site, broker: Broker, seed: int) -> None:
        self._site = site
        self._broker = broker
        self._chance = random.Random(seed)
        self._database = site.wires[0]
        self._queue = site.wires[1]
        self.played = Counter()
        self.restarts = 0

    def play_once(self, *, pause: float) -> None:
        """Choose a fault, keep it up for a moment, and heal."""
        name, act = self._chance.choice(list(self._faults().items()))
        self.played[name] += 1
        act(self._chance.uniform(0.2, 1.5))
        time.sleep(pause)

    def _faults(self) -> dict[str, Callable[[float], None]]:
        faults = {
            "worker killed": self._kill_worker,
            "worker replaced": self._replace_worker,
            "worker frozen past its lease": self._freeze_worker,
            "web killed": self._kill_web,
            "broker flushed": lambda _: self._flush(),
            "broker killed": self._kill_broker,
            "broker silent": self._silence(self._queue),
            "a receiver away": self._vanish,
            "a receiver never answers": self._misbehave(manners.silent),
            "a receiver resets": self._misbehave(manners.resets),
            "a receiver flaps": self._misbehave(manners.flaps(0.5)),
            "a receiver drips": self._misbehave(manners.drips_header),
            # An ingress that answers for an app which restarts, and an app with a stale key set (DLV-11).
            **{f"a receiver says {status}": self._misbehave(manners.says(status)) for status in REFUSALS},
            "keys rotated": lambda _: self._rotate(),
        }
        if isinstance(self._site.database, PostgresDatabase):
            faults |= {
                "database killed": self._kill_database,
                "database silent": self._silence(self._database),
                "database cut": lambda _: self._database.cut(reset=True),
                "database slow": self._slow_database,
            }
        return faults

    def _worker(self):
        return self._chance.choice([worker for worker in self._site.workers if worker.is_running])

    def _kill_worker(self, seconds: float) -> None:
        self._worker().kill()
        time.sleep(seconds)
        self._site.start_worker()
        self.restarts += 1

    def _replace_worker(self, _seconds: float) -> None:
        leaving = self._worker()
        self._site.start_worker()
        leaving.terminate(seconds=30)

    def _freeze_worker(self, seconds: float) -> None:
        worker = self._worker()
        worker.signal(signal.SIGSTOP)
        time.sleep(3 + seconds)
        worker.signal(signal.SIGCONT)

    def _kill_web(self, seconds: float) -> None:
        self._site.web.kill()
        time.sleep(seconds)
        self._site.start_web()

    def _flush(self) -> None:
        client = self._broker.server.client()
        client.flushall()
        client.close()

    def _kill_broker(self, seconds: float) -> None:
        self._broker.kill()
        time.sleep(seconds)
        self._broker.start()

    def _silence(self, wire) -> Callable[[float], None]:
        def act(seconds: float) -> None:
            wire.poison(hole=True)
            time.sleep(seconds)
            wire.heal()

        return act

    def _slow_database(self, seconds: float) -> None:
        self._database.poison(latency=0.05)
        time.sleep(seconds)
        self._database.heal()

    def _kill_database(self, seconds: float) -> None:
        server = self._site.database.server
        server.kill()
        time.sleep(seconds)
        server.start()

    def _vanish(self, seconds: float) -> None:
        rp = self._chance.choice(list(self._site.rps.values()))
        rp.vanish()
        time.sleep(seconds)
        rp.listen()

    def _misbehave(self, manner) -> Callable[[float], None]:
        def act(seconds: float) -> None:
            rp = self._chance.choice(list(self._site.rps.values()))
            rp.manner = manner
            time.sleep(seconds)
            rp.manner = polite
            rp.released.set()
            rp.released = threading.Event()

        return act

    def _rotate(self) -> None:
        self._site.curfew("keys", "rotate", "--now")


def soak(kind: str, minutes: float, threads: int, seed: int) -> bool:
    """Run it and print what came of it; True when nothing was wrong."""
    folder = Path(tempfile.mkdtemp(prefix="curfew-soak-"))
    broker = Broker(folder / "valkey")
    broker.start()
    sites = Sites(folder)
    try:
        site = sites.make(kind)
        if isinstance(site.database, PostgresDatabase):
            site.wire_to_database()
        else:
            site.wire_to(broker.port)
        queue = site.wire_to(broker.port)
        # Long enough for a receiver that is away for a moment, again and again.
        site.settings["delivery_schedule"] = "200ms,500ms,1s,1s," + "2s," * 40 + "2s"
        site.settings["broker_url"] = f"redis://127.0.0.1:{queue.port}/0"
        site.open(workers=WORKERS)
        soak_disconnect.prepare(site)
        return _play(site, broker, minutes, threads, seed)
    finally:
        for opened in [site] if "site" in locals() else []:
            opened.close()
        sites.close()
        broker.stop()


def _play(site: Site, broker: Broker, minutes: float, threads: int, seed: int) -> bool:
    nemesis, load, disconnecting = Nemesis(site, broker, seed), Load(site, threads), Disconnecting(site)
    end = time.monotonic() + minutes * 60
    while time.monotonic() < end and not (load.errors or disconnecting.errors):
        nemesis.play_once(pause=1.0)
    load.stop()
    disconnecting.stop()
    began = time.monotonic()
    wait_until(lambda: not site.deliveries("d.state = 'pending'"), seconds=180)
    settled = time.monotonic() - began
    for visit in list(site.history.visits):
        site.visitors.probe(visit)
    disturbances = sum(nemesis.played.values())
    findings = site.findings(tries=46, disturbances=disturbances, has_zombies=True)
    _report(site, nemesis, load, disconnecting, findings, settled)
    return not (findings or load.errors or disconnecting.errors)


def _report(
    site: Site,
    nemesis: Nemesis,
    load: Load,
    disconnecting: Disconnecting,
    findings: list[str],
    settled: float,
) -> None:
    history = site.history
    ended = [visit for visit in history.visits if visit.end_answered_at]
    counted = Counter(NAMES.get(finding[:6], "other findings") for finding in findings)
    seconds = sorted(visit.end_seconds or 0 for visit in ended)
    accepted = Counter(receipt.delivery for receipt in history.receipts if receipt.is_accepted)
    print("\nFaults played")
    for name, count in sorted(nemesis.played.items()):
        print(f"  {name:32} {count:5}")
    print(f"  {'in all':32} {sum(nemesis.played.values()):5}")
    print("\nWhat happened")
    rows = {
        "logouts that were answered": len(ended),
        "deliveries": len(site.deliveries()),
        "tokens received": len(history.receipts),
        "accepted more than once": sum(count > 1 for count in accepted.values()),
        "probes of what had ended": len(history.probes),
        "apps disconnected": disconnecting.rounds,
        "  signed in silently meanwhile": disconnecting.redeemed,
        "  refused afterwards": disconnecting.refused,
        "requests without a response": sum(load.unanswered.values()),
    }
    for name, count in (rows | site.states()).items():
        print(f"  {name:32} {count:5}")
    if seconds:
        print(
            f"  /session/end median, p99          {seconds[len(seconds) // 2] * 1000:.0f} ms, "
            f"{seconds[int(len(seconds) * 0.99)] * 1000:.0f} ms"
        )
    print(f"  settled after the last fault      {settled:.1f} s")
    print("\nWhat must be 0")
    for name in ("lost", "false logouts", "revived", "other findings"):
        bound = f"   upper bound 3/n = {3 / len(ended):.5f} of a logout" if ended else ""
        print(f"  {name:32} {counted[name]:5}{bound if name != 'other findings' else ''}")
    for finding in findings[:20]:
        print(f"    {finding}")
    for error in load.errors + disconnecting.errors:
        print(f"    a visitor gave up: {error!r}")


def main() -> None:
    """Read the command line and run."""
    # The embedded PostgreSQL warns about this on machines without a login session.
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    asked = parser.parse_args()
    # The site is set up by commands that run in this process.
    compose()
    print(f"{asked.minutes:g} minutes on {asked.database}, seed {asked.seed}", flush=True)
    is_well = soak(asked.database, asked.minutes, asked.threads, asked.seed)
    sys.exit(0 if is_well else 1)


if __name__ == "__main__":
    main()

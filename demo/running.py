"""One run of the demo, from the empty folder to Ctrl-C, in order."""

import signal
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from rich.console import Console

from demo import broker
from demo.narrator import Narrator
from demo.people import ADA, BEN, CLEO, PEOPLE
from demo.plan import APPS, PORTS, SERVICES, Plan, make_plan, sole_use_of
from demo.processes import Supervisor
from provider.infrastructure.stop_request import StopRequest

# Generous: even on a slow machine, only a process that hangs takes this long.
READY_SECONDS = 180.0
_POLL_SECONDS = 0.1


class DemoNotReady(Exception):
    """A program did not start in time; the message says which, and where its log is."""


def run(
    data_dir: Path, port: int, console: Console, *, issuer_path: str = "", exit_when_ready: bool = False
) -> None:
    """Run the demo until SIGINT, SIGTERM or SIGHUP."""
    stop = _stop_on_signals()
    with sole_use_of(data_dir):
        plan = make_plan(data_dir, port, issuer_path)
        people: dict[str, str] = {}
        narrator = Narrator(console, people)
        _tell_moved_ports(plan, port, narrator)
        with Supervisor(data_dir / "logs", narrator.hear, narrator.say) as supervisor:
            _start(plan, supervisor, people, stop)
            if stop.is_made():
                return
            for launcher, phone in plan.phones():
                phone.write_launcher(launcher)
            plan.write_state({person.username: person.password for person in PEOPLE})
            _tell_ready(plan, console)
            if not exit_when_ready:
                stop.wait()
            console.print("\nStopping…", style="dim")
        console.print("Everything has stopped.", style="dim")


def _start(plan: Plan, supervisor: Supervisor, people: dict[str, str], stop: StopRequest) -> None:
    supervisor.start(broker.broker_program(plan))
    for program in (*plan.apps(), *plan.services()):
        supervisor.start(program)
    # The apps and the broker come up while this process prepares the database.
    from demo.seed import prepare

    people |= prepare(plan)
    for program in plan.provider_and_worker():
        supervisor.start(program)
    _wait_for("broker", plan, stop, partial(broker.is_listening, plan.broker_port))
    _wait_for("provider", plan, stop, partial(_answers, f"{plan.issuer}/health/ready"))
    for name in APPS:
        _wait_for(name, plan, stop, partial(_answers, f"{plan.app_url(name)}/api/state"))
    for name in SERVICES:
        _wait_for(name, plan, stop, partial(_answers, f"{plan.app_url(name)}/state"))


def _wait_for(name: str, plan: Plan, stop: StopRequest, is_up: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not stop.is_made() and not is_up():
        if time.monotonic() > deadline:
            log = plan.data_dir / "logs" / f"{name}.log"
            raise DemoNotReady(f"{name} did not start within {READY_SECONDS:g} s; see {log}")
        stop.wait(_POLL_SECONDS)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as response:  # noqa: S310 – an address of the plan, on this machine.
            return bool(response.status == HTTPStatus.OK)
    except (OSError, HTTPException):
        return False


def _stop_on_signals() -> StopRequest:
    stop = StopRequest()

    def ask(_number: int, _frame: object) -> None:
        # A second Ctrl-C exits at once: the warden stops everything after this process is gone.
        if stop.is_made():
            raise SystemExit(130)
        stop.make()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ask)
    return stop


def _tell_moved_ports(plan: Plan, first: int, narrator: Narrator) -> None:
    wanted = {name: first + place for place, name in enumerate(PORTS)}
    for name, port in {"provider": plan.provider_port, **plan.app_ports}.items():
        if port != wanted[name]:
            narrator.say(f"port {wanted[name]} is taken; {name} is on {port}")


def _tell_ready(plan: Plan, console: Console) -> None:
    console.print(
        "\n[bold]Curfew is running.[/bold] Sign in at one app, look at the others, sign out once.\n"
    )
    for name in APPS:
        console.print(f"  [bold {name}]{name:<9}[/] {plan.app_url(name)}")
    console.print(f"  {'provider':<9} {plan.issuer}")
    for name in SERVICES:
        console.print(f"  {name:<9} {plan.app_url(name)}")
    console.print()
    console.print(f"  user [bold]{ADA.username}[/]  password [bold]{ADA.password}[/]")
    console.print(f"  or   [bold]{BEN.username}[/]  password [bold]{BEN.password}[/]\n")
    console.print(f"The console of administrators is {plan.issuer}/admin:\n")
    console.print(f"  user [bold]{CLEO.username}[/]  password [bold]{CLEO.password}[/]\n")
    console.print("Two phones (a native app), each in a terminal of its own:\n")
    for launcher, _ in plan.phones():
        console.print(f"  [bold]{launcher}[/]", soft_wrap=True)
    console.print("\n  login, whoami, logout, logout --everywhere, or alone for a prompt; at the bank:")
    console.print("  call-api balance, call-api transfer --post, call-api watch --post\n")
    console.print(f"Data and logs are in {plan.data_dir}. Ctrl-C stops everything.\n", style="dim")

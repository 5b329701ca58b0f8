"""`curfew demo` as a process: it starts, continues, makes room and leaves nothing behind."""

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.table import Table

from demo.browser import Browser
from demo.check import find_running, play
from demo.processes import own_environment
from tests.support.demo import CURFEW, RunningDemo, free_run
from tests.support.fork_server import fork_server
from tests.support.processes import descendants
from tests.support.waiting import PATIENCE, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("demo")]


@pytest.fixture
def started(tmp_path):
    """Starts demos, and stops what a failing test leaves."""
    running: list[RunningDemo] = []

    def start(**options) -> RunningDemo:
        running.append(RunningDemo(tmp_path, **options))
        return running[-1]

    yield start
    for demo in running:
        if demo.process.poll() is None:
            demo.stop()


def test_busy_ports_are_replaced_and_said_and_ctrl_c_leaves_no_process(started):
    """A second start continues with the data and the ports, and not even a kill leaves a process."""
    ada = Browser()
    with socket.socket() as neighbour:
        taken = free_run(8)
        # Connections of an earlier demo may linger on the port.
        neighbour.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        neighbour.bind(("127.0.0.1", taken))
        neighbour.listen()
        first = started(port=taken)
        assert first.issuer == f"http://localhost:{taken + 8}"
        assert f"port {taken} is taken; provider is on {taken + 8}" in first.said()
        sign_in(ada, first)
        first.stop_all(signal.SIGINT)

        second = started(port=taken)
        assert (second.issuer, second.apps) == (first.issuer, first.apps)
        ada.open(f"{second.apps['green']}/login")
        assert ada.ask("GET", f"{second.apps['green']}/api/state").json()["signed_in"]
        # It cannot see this one coming.
        second.stop_all(signal.SIGKILL)


def test_two_demos_do_not_share_a_folder(demo):
    second = subprocess.run(
        [CURFEW, "demo", "--data-dir", demo.data],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )

    assert second.returncode == 1
    assert "a demo already runs" in second.stderr
    assert demo.issuer in second.stderr


def test_a_dead_provider_is_started_again(demo):
    ada = Browser()
    sign_in(ada, demo)
    # The main process is the one that has a worker process; that one would be replaced without a word.
    provider = wait_until(
        lambda: next((pid for pid in demo.family() if is_provider(pid) and descendants(pid)), None)
    )

    os.kill(provider, signal.SIGKILL)

    wait_until(lambda: "provider ended (killed by SIGKILL)" in demo.said())
    wait_until(lambda: answers(ada, demo))


def test_the_terminal_shows_sign_in_ending_and_delivery(demo):
    said_before = demo.said()
    ada = Browser()
    ada.open(f"{demo.apps['red']}/login")
    ada.press("sign-in", username="ada", password="not her password at all")
    sign_in(ada, demo)
    ada.press("sign-out")

    wait_until(lambda: "red was notified" in demo.said().removeprefix(said_before))
    said = demo.said().removeprefix(said_before).splitlines()
    lines = [line.split(maxsplit=2) for line in said if line[:2].isdigit()]
    assert [line[1] for line in lines] == ["refused", "sign-in", "sign-out", "notified"]


def test_a_check_below_a_path_passes_beside_a_running_demo(demo):
    command = [CURFEW, "demo-check", "--port", str(free_run(8)), "--issuer-path", "/auth"]
    check = subprocess.run(command, capture_output=True, text=True, check=False)

    assert check.returncode == 0, check.stdout
    assert "Everything worked as expected" in check.stdout


def test_what_the_check_plays_is_right_without_a_path_too(demo, warm_programs, tmp_path):
    """With programs that are loaded already: the check of the test above starts each as people do."""

    def delivery_states() -> dict[str, str]:
        environ = own_environment(CURFEW_DATA_DIR=str(demo.data / "provider"))
        code, listed, errors = warm_programs.run(["delivery", "list", "--json"], environ)
        assert code == 0, errors
        return {row["client_id"]: row["state"] for row in reversed(json.loads(listed))}

    found, seen = find_running(demo.data), Table()
    with fork_server(tmp_path, "phone") as program:
        phones = {name: loaded(launcher, program) for name, launcher in found.phones.items()}
        quick = replace(found, delivery_states=delivery_states, phones=phones)

        assert play(quick, seen), [*seen.columns[1].cells, *seen.columns[2].cells]


def loaded(launcher: Path, program: Path) -> Path:
    """Write a launcher beside a phone's own that calls a program which is loaded already."""
    start = f"{sys.executable} -m relying_party_demo.native"
    assert start in launcher.read_text()
    quick = launcher.with_name(f"{launcher.name}-loaded")
    quick.write_text(launcher.read_text().replace(start, str(program)))
    quick.chmod(0o700)
    return quick


def sign_in(browser: Browser, demo: RunningDemo) -> None:
    browser.open(f"{demo.apps['red']}/login")
    browser.press("sign-in", username="ada", password=demo.password)
    assert browser.url == f"{demo.apps['red']}/", browser.where


def answers(browser: Browser, demo: RunningDemo) -> bool:
    try:
        return browser.ask("GET", f"{demo.issuer}/health/ready").ok
    except OSError:
        return False


def is_provider(pid: int) -> bool:
    """Return whether a process is the provider; where setproctitle is installed, granian gives it a title."""
    words = command_of(pid).replace("\0", " ").split()
    return "serve" in words or (words[:1] == ["granian"] and "provider" in words)


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""

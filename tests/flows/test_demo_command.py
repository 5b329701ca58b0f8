"""`curfew demo` as a process: it starts, continues, makes room and leaves nothing behind."""

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from demo.browser import Browser
from tests.support.demo import CURFEW, READY_SECONDS, RunningDemo, free_run
from tests.support.processes import descendants, is_alive
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300), pytest.mark.xdist_group("demo")]

# provider and its worker process, the worker, the broker, three apps with a worker process each, the warden
LEAST_PROCESSES = 11


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


def stop_and_look(demo: RunningDemo, number: int) -> None:
    """Stop a demo by a signal; none of its processes may be left."""
    family = demo.family()
    assert len(family) >= LEAST_PROCESSES

    demo.stop(number)

    wait_until(lambda: not any(map(is_alive, family)), seconds=20)


def test_ctrl_c_leaves_no_process_and_a_second_start_continues_with_the_data(started):
    """Nor does a kill of the second one, which it cannot see coming."""
    ada = Browser()
    first = started()
    sign_in(ada, first)

    stop_and_look(first, signal.SIGINT)

    second = started(port=int(first.issuer.rpartition(":")[2]))
    assert second.apps == first.apps
    ada.open(f"{second.apps['green']}/login")
    assert ada.ask("GET", f"{second.apps['green']}/api/state").json()["signed_in"]
    stop_and_look(second, signal.SIGKILL)


def test_busy_ports_are_replaced_and_said_and_a_supervisors_stop_leaves_no_process(started):
    first = free_run(7)
    with socket.socket() as neighbour:
        # Connections of an earlier demo may linger on the port.
        neighbour.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        neighbour.bind(("127.0.0.1", first))
        neighbour.listen()
        demo = started(port=first)

        assert demo.issuer == f"http://localhost:{first + 8}"
        assert f"port {first} is taken; provider is on {first + 8}" in demo.said()
        ada = Browser()
        sign_in(ada, demo)
        stop_and_look(demo, signal.SIGTERM)


def test_two_demos_do_not_share_a_folder(demo):
    second = subprocess.run(
        [CURFEW, "demo", "--data-dir", demo.data],
        capture_output=True,
        text=True,
        check=False,
        timeout=READY_SECONDS,
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

    wait_until(lambda: "provider ended (killed by SIGKILL)" in demo.said(), seconds=30)
    wait_until(lambda: answers(ada, demo), seconds=READY_SECONDS)


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


@pytest.mark.timeout(600)
def test_two_checks_at_once_pass_and_one_of_them_below_a_path():
    first = free_run(16)
    checks = [
        subprocess.Popen(
            [CURFEW, "demo-check", "--port", str(port), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for port, options in ((first, ()), (first + 8, ("--issuer-path", "/auth")))
    ]
    said = [check.communicate(timeout=290)[0] for check in checks]

    assert [check.returncode for check in checks] == [0, 0], "\n".join(said)
    assert all("Everything worked as expected" in one for one in said)


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
    """Whether a process is the provider; where setproctitle is installed, granian gives it a title."""
    words = command_of(pid).replace("\0", " ").split()
    return "serve" in words or (words[:1] == ["granian"] and "provider" in words)


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""

"""`curfew demo` as a process: it starts, continues, makes room and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.table import Table

from demo.browser import Browser
from demo.check import find_running, play
from demo.processes import own_environment
from tests.support.demo import CURFEW, LEAST_PROCESSES, PORTS, RunningDemo, free_run
from tests.support.fork_server import fork_server
from tests.support.processes import descendants, is_alive
from tests.support.waiting import PATIENCE, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("demo")]


def test_a_busy_port_is_replaced_and_said(demo):
    assert demo.issuer == f"http://localhost:{demo.port + PORTS}"
    assert f"port {demo.port} is taken; provider is on {demo.port + PORTS}" in demo.said()


def test_ctrl_c_leaves_no_process_and_a_second_start_continues_with_the_data_and_the_ports(demo):
    ada, where = Browser(), (demo.issuer, demo.apps)
    sign_in(ada, demo)
    demo.stop_all(signal.SIGINT)

    demo.start()

    assert (demo.issuer, demo.apps) == where
    ada.open(f"{demo.apps['green']}/login")
    assert ada.ask("GET", f"{demo.apps['green']}/api/state").json()["signed_in"]


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
    """Its own demo is stopped as a supervisor would, and leaves no process either."""
    command = [CURFEW, "demo-check", "--port", str(free_run(PORTS)), "--issuer-path", "/auth"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as check:
        wait_until(lambda: len(descendants(check.pid)) > LEAST_PROCESSES or check.poll() is not None)
        family = descendants(check.pid)
        printed, _ = check.communicate()

    assert check.returncode == 0, printed
    assert "Everything worked as expected" in printed
    assert len(family) > LEAST_PROCESSES
    wait_until(lambda: not any(map(is_alive, family)))


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

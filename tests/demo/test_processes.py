import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from demo.processes import Program, Supervisor, own_environment
from tests.support.processes import is_alive
from tests.support.waiting import wait_until

pytestmark = pytest.mark.processes

SLEEPER = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


class Ears:
    """A listener for the lines that the supervisor passes on."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.said: list[str] = []

    def hear(self, name: str, line: str) -> None:
        self.heard.append((name, line))

    def say(self, sentence: str) -> None:
        self.said.append(sentence)


def program(code: str, name: str = "sleeper") -> Program:
    return Program(name=name, command=[sys.executable, "-c", code], environ=dict(os.environ))


def pid_of(supervisor: Supervisor, name: str) -> int:
    return wait_until(lambda: supervisor.pid_of(name))


def test_lines_are_passed_on_and_kept_in_a_log(tmp_path):
    ears = Ears()
    with Supervisor(tmp_path, ears.hear, ears.say) as supervisor:
        supervisor.start(program(SLEEPER))
        wait_until(lambda: ears.heard)

    assert ears.heard == [("sleeper", "up")]
    assert (tmp_path / "sleeper.log").read_text() == "up\n"


def test_leaving_stops_every_program_even_a_stubborn_one(tmp_path):
    ears = Ears()
    with Supervisor(tmp_path, ears.hear, ears.say, patience=0.5) as supervisor:
        supervisor.start(program(SLEEPER))
        supervisor.start(program(STUBBORN, "stubborn"))
        wait_until(lambda: len(ears.heard) == 2)
        pids = [pid_of(supervisor, "sleeper"), pid_of(supervisor, "stubborn")]

    assert not any(map(is_alive, pids))
    assert ears.said == []


def test_a_program_that_dies_is_said_and_started_again(tmp_path):
    """Each time that it dies early the wait is doubled, from the first one on."""
    ears = Ears()
    with Supervisor(tmp_path, ears.hear, ears.say) as supervisor:
        supervisor.start(program(SLEEPER))
        pids = []
        for starts in (1, 2, 3):
            wait_until(lambda starts=starts: len(ears.heard) == starts)
            pids.append(pid_of(supervisor, "sleeper"))
            if starts < 3:
                os.kill(pids[-1], signal.SIGKILL)

    assert len(set(pids)) == 3
    again = "sleeper ended (killed by SIGKILL); it starts again in"
    assert ears.said == [f"{again} 0.5 s", f"{again} 1 s"]


def test_children_of_a_killed_program_do_not_live_on(tmp_path):
    ears = Ears()
    parent = f"""
        import subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", {SLEEPER!r}])
        print(child.pid, flush=True)
        time.sleep(60)
    """
    with Supervisor(tmp_path, ears.hear, ears.say) as supervisor:
        supervisor.start(program(textwrap.dedent(parent)))
        child = int(wait_until(lambda: next((said for _, said in ears.heard if said.isdigit()), None)))
        os.kill(pid_of(supervisor, "sleeper"), signal.SIGKILL)

        wait_until(lambda: not is_alive(child))


def test_nothing_survives_a_supervisor_that_is_killed(tmp_path):
    supervising = f"""
        import sys
        from pathlib import Path
        from demo.processes import Program, Supervisor

        with Supervisor(Path({str(tmp_path)!r}), lambda *_: None, print) as supervisor:
            code = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
            supervisor.start(Program(name="sleeper", command=[sys.executable, "-c", code], environ={{}}))
            sys.stdin.read()
    """
    supervisor = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(supervising)], stdin=subprocess.PIPE, cwd=tmp_path
    )
    child = int(wait_until(lambda: read(tmp_path / "pid")))
    supervisor.kill()
    supervisor.communicate()

    wait_until(lambda: not is_alive(child))


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_the_environment_has_no_settings_of_another_provider(monkeypatch):
    monkeypatch.setenv("CURFEW_ISSUER", "https://elsewhere.example")

    environ = own_environment(CURFEW_DATA_DIR="here")

    assert "CURFEW_ISSUER" not in environ
    assert environ["CURFEW_DATA_DIR"] == "here"

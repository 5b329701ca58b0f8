"""Forked commands are started, signalled and buried like those of a shell."""

import signal
import subprocess

import pytest

from demo.processes import own_environment
from tests.support.processes import is_alive
from tests.support.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.processes


def test_a_command_has_its_arguments_environment_and_exit_code(warm_programs, tmp_path):
    log = tmp_path / "log"
    with log.open("wb") as file:
        right = warm_programs.start(
            ["settings", "--json"], own_environment(CURFEW_ISSUER="https://a.test"), file
        )
        assert right.wait(PATIENCE) == 0
        wrong = warm_programs.start(["serve"], own_environment(CURFEW_ISSUER="none"), file)
        assert wrong.wait(PATIENCE) not in (0, None)

    said = log.read_text()
    assert "https://a.test" in said
    assert "CURFEW_ISSUER" in said


def test_a_command_is_run_to_its_end(warm_programs):
    code, printed, errors = warm_programs.run(["settings", "--json"], own_environment())
    assert (code, errors) == (0, "")
    assert printed.startswith(("{", "["))

    code, printed, errors = warm_programs.run(["serve"], own_environment(CURFEW_ISSUER="none"))
    assert (code != 0, printed) == (True, "")
    assert "issuer must be an https URL" in errors


def test_a_process_is_frozen_and_killed(warm_programs, prepared_data, tmp_path):
    environ = own_environment(CURFEW_DATA_DIR=str(prepared_data))
    log = tmp_path / "log"
    with log.open("wb") as file:
        worker = warm_programs.start(["worker"], environ, file)
    wait_until(lambda: "worker_started" in log.read_text())

    with pytest.raises(subprocess.TimeoutExpired):
        worker.wait(0.01)
    worker.send_signal(signal.SIGSTOP)
    assert worker.poll() is None
    worker.kill()

    assert worker.wait(PATIENCE) == worker.poll() == -signal.SIGKILL
    assert not is_alive(worker.pid)
    worker.terminate()


def test_a_process_that_is_asked_to_leave_ends_by_itself(warm_programs, prepared_data, tmp_path):
    environ = own_environment(CURFEW_DATA_DIR=str(prepared_data))
    log = tmp_path / "log"
    with log.open("wb") as file:
        worker = warm_programs.start(["worker"], environ, file)
    wait_until(lambda: "worker_started" in log.read_text())

    worker.terminate()

    assert worker.wait(PATIENCE) == 0

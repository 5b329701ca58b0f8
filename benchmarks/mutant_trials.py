"""Run the tests against mutants, for `benchmarks.mutants`; started in the folder that holds the mutants.

One process runs each test once and notes which functions it reaches. Then it forks for each mutant:
everything is imported, compiled and migrated there, so that a mutant costs no more than the tests that reach
it, until one fails. A failure counts if it happens again, and not without the mutant. What a function has
returned at import exists before the fork, so the mutants of such functions have a new process each.
"""

import argparse
import gc
import json
import math
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from itertools import takewhile
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from mutmut.configuration import config
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state

from benchmarks.mutant_reach import Reach, function_of

# The exit codes that mutmut records.
SURVIVED, KILLED, NO_TESTS, TIMEOUT = 0, 1, 33, 36
NAMES = {KILLED: "killed", TIMEOUT: "timeout", SURVIVED: "survived", NO_TESTS: "no tests"}
_UNCHANGED = ""


def main() -> int:
    """Try the mutants named in a file, with the configured tests or those given; writes another file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutant_trials", description=__doc__)
    parser.add_argument("names", type=Path, help="a JSON list of mutants")
    parser.add_argument("results", type=Path, help="where their results are written, a line for each")
    parser.add_argument("--jobs", type=int, default=1, help="how many mutants are tried at a time")
    parser.add_argument("--seconds", type=float, default=math.inf, help="CPU time of tests for each mutant")
    parser.add_argument("tests", nargs="*", help="paths of tests to run instead of those configured")
    options = parser.parse_intermixed_args()
    names: list[str] = json.loads(options.names.read_text())
    trials = Trials(names, options.results, options.tests, jobs=options.jobs, budget=options.seconds)
    # mutmut's value for recording which functions are called, including during imports.
    os.environ["MUTANT_UNDER_TEST"] = "stats"
    return int(pytest.main(_arguments(options.tests), plugins=[trials]))


def _arguments(paths: Sequence[str]) -> list[str]:
    """Return pytest's arguments for the tests at these paths, or for the configured ones."""
    selection = config().pytest_add_cli_args_test_selection
    configured = list(takewhile(lambda one: not one.startswith("-"), selection))
    tests = [*(paths or configured), *selection[len(configured) :]]
    return ["--rootdir=.", "-q", "--tb=no", *config().pytest_add_cli_args, *tests]


class Trials:
    """A plugin that takes the place of pytest's loop over the tests."""

    def __init__(
        self, names: list[str], results: Path, paths: list[str], *, jobs: int, budget: float
    ) -> None:
        self._names, self._file, self._paths = names, results, paths
        self._jobs, self._budget = jobs, budget
        self._reach = Reach()
        self._has_failed = False
        # Whether tests pass in a fork, or in a new process, without a mutant.
        self._sound: dict[object, bool] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note whether a part of a test has failed."""
        self._has_failed = self._has_failed or report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run every test once, and then those that matter for each mutant."""
        if session.testsfailed:
            raise session.Interrupted("tests cannot be collected")
        at_import = set(_reached())
        self._learn(session)
        # Each job makes the fixtures of the whole run for itself, such as the database.
        session._setupstate.teardown_exact(None)  # noqa: SLF001
        # Those that have a new process each take long, so they come last.
        names = sorted(self._names, key=lambda name: function_of(name) in at_import)
        parts = [names[number :: self._jobs] for number in range(self._jobs)]
        jobs = [get_context("fork").Process(target=self._work, args=(part, at_import)) for part in parts]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()
        return True

    def _work(self, names: list[str], at_import: set[str]) -> None:
        """Try mutants in forks of this process, which has a database of its own."""
        with tempfile.TemporaryDirectory() as folder:
            examples = self._reach.one_of_each_file()
            _use_folder(examples[0], Path(folder))
            # Setup that is slow for the first test of its kind is done before the forks.
            for test in examples:
                self._fails(test)
            gc.collect()
            gc.freeze()
            for name in names:
                code, why = self._try_anew(name) if function_of(name) in at_import else self._try(name)
                print(f"{NAMES[code]}: {name} {why}", flush=True)
                with self._file.open("a") as results:
                    results.write(f"{json.dumps([name, code])}\n")

    def _learn(self, session: pytest.Session) -> None:
        for test in session.items:
            _reached().clear()
            started = time.process_time()
            if self._fails(test):
                # The test may depend on others; the mutants that it would kill are not counted.
                print(f"left out, because it fails without a mutant: {test.nodeid}")
                continue
            seconds = time.process_time() - started
            self._reach.add(test, _reached(), seconds)
            # A mutant may wait for ever; the machine may be busy.
            test.add_marker(pytest.mark.timeout(20 + 10 * seconds), append=False)
        os.environ["MUTANT_UNDER_TEST"] = _UNCHANGED

    def _fails(self, test: pytest.Item) -> bool:
        self._has_failed = False
        after: Any = _Nothing(test.session)
        test.config.hook.pytest_runtest_protocol(item=test, nextitem=after)
        return self._has_failed

    def _try(self, name: str) -> tuple[int, str]:
        function = function_of(name)
        tests = found = self._reach.in_order(function, self._budget)
        while tests:
            code, number = self._run(name, tests)
            if code == SURVIVED:
                break
            if self._confirms(name, tests[number]):
                self._reach.note_killer(tests[number], function)
                return code, f"by {tests[number].nodeid}"
            tests = tests[number + 1 :]
        return SURVIVED if found else NO_TESTS, f"{len(found)} of {self._reach.count(function)} tests"

    def _confirms(self, name: str, killer: pytest.Item) -> bool:
        """Return whether a test fails as this mutant once more, and passes without it."""
        if killer not in self._sound:
            self._sound[killer] = self._run(_UNCHANGED, [killer])[0] == SURVIVED
        return self._sound[killer] and self._run(name, [killer])[0] != SURVIVED

    def _run(self, name: str, tests: list[pytest.Item]) -> tuple[int, int]:
        """Run tests as a mutant; return how it went and the number of the test that ran last."""
        reader, writer = os.pipe()
        with tempfile.TemporaryDirectory() as folder:
            child = os.fork()
            if child == 0:
                os.close(reader)
                self._be(name, tests, writer, Path(folder))
            os.close(writer)
            code = _wait(child, 60 + 12 * self._reach.seconds(tests))
        with os.fdopen(reader, "rb") as begun:
            return code, len(begun.read()) - 1

    def _be(self, name: str, tests: list[pytest.Item], writer: int, folder: Path) -> None:
        """Run the tests as a mutant until one fails, write a byte for each that is begun, and exit."""
        os.setpgid(0, 0)
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        _use_folder(tests[0], folder)
        set_mutant_under_test(name)
        limit = int(30 + 6 * self._reach.seconds(tests) + time.process_time())
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
        code = SURVIVED
        try:
            for test in tests:
                os.write(writer, b".")
                if self._fails(test):
                    code = KILLED
                    break
        except BaseException:  # noqa: BLE001 – whatever a mutant breaks is noticed.
            code = KILLED
        os._exit(code)

    def _try_anew(self, name: str) -> tuple[int, str]:
        """Try a mutant whose function is called at import in a new process, with its room's tests first."""
        room = (f"tests/{name.split('.')[1]}",)
        for paths in [room] if self._budget < math.inf else [room, tuple(self._paths)]:
            if _passes(name, paths):
                continue
            if paths not in self._sound:
                self._sound[paths] = _passes(_UNCHANGED, paths)
            if self._sound[paths]:
                return KILLED, f"in a new process, by {' '.join(paths) or 'all tests'}"
        return SURVIVED, "in a new process"


def _use_folder(test: pytest.Item, folder: Path) -> None:
    """Make the folders of tests in this one: they are numbered, and other forks make the same ones."""
    test.config._tmp_path_factory._basetemp = folder  # type: ignore[attr-defined]  # noqa: SLF001


def _reached() -> set[str]:
    """Return the functions that mutmut has noted as called; it has no other way to ask for them."""
    reached: set[str] = state()._stats  # noqa: SLF001
    return reached


class _Nothing:
    """Stands for the test after the last one, so that only what belongs to the whole run is kept."""

    def __init__(self, session: pytest.Session) -> None:
        self._session = session

    def listchain(self) -> Iterable[pytest.Session]:
        """Return what the fixtures that are kept belong to."""
        return [self._session]


def _wait(child: int, seconds: float) -> int:
    watched = os.pidfd_open(child)
    try:
        if not select.select([watched], [], [], seconds)[0]:
            os.killpg(child, signal.SIGKILL)
    finally:
        os.close(watched)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return TIMEOUT if code < 0 else code


def _passes(name: str, paths: Sequence[str]) -> bool:
    environ = os.environ | {"MUTANT_UNDER_TEST": name}
    command = [sys.executable, "-m", "pytest", "-x", *_arguments(paths)]
    return subprocess.run(command, check=False, env=environ, capture_output=True).returncode == 0


if __name__ == "__main__":
    sys.exit(main())

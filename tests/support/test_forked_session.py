"""The processes of a run that are forked after the collection run tests as others do."""

import os
import re
import subprocess
import sys

import pytest

from tests.support.fork_server import ROOT

pytestmark = pytest.mark.processes

FILES = {
    "pytest.ini": "[pytest]\ntestpaths = stories\n",
    "conftest.py": """
        from tests.support.collected_once import collect_once

        def pytest_xdist_setupnodes(config, specs):
            collect_once(config, specs)
        """,
    "stories/test_broken.py": "import a_module_that_is_not_there",
    "stories/test_told.py": """
        import os
        import pytest

        COLLECTED_BY = os.getpid()

        def test_it_is_forked(tmp_path, worker_id):
            assert os.getppid() == COLLECTED_BY
            assert worker_id in str(tmp_path)

        @pytest.mark.parametrize("number", [1, 2])
        def test_it_fails(number):
            os.system(f"echo this is {number}")
            assert number == 3
        """,
}


def test_each_outcome_is_reported_with_what_was_printed(tmp_path):
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(re.sub("^        ", "", text, flags=re.MULTILINE))

    arguments = ["-n", "2", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=tmp_path,
        env=environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "2 failed, 1 passed, 1 error" in done.stdout, done.stdout + done.stderr
    assert "No module named 'a_module_that_is_not_there'" in done.stdout
    for number in (1, 2):
        assert done.stdout.count(f"\nthis is {number}\n") == 1

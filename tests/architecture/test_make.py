"""The Makefile on any Python: an environment for each, and one line when something is missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")


def run(*command: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    # What make has set for this very test must not reach the one that it starts.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "PYTHON"))}
    return subprocess.run(
        command,
        cwd=ROOT,
        env=inherited | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def test_another_python_has_an_environment_of_its_own():
    version = ".".join(map(str, sys.version_info[:3]))

    usual = run("make", "--dry-run", "--always-make", "install")
    other = run("make", "--dry-run", "--always-make", "install", f"PYTHON={sys.executable}")

    assert "install.sh .venv demo" in usual.stdout
    assert f"install.sh .venv-{version} demo" in other.stdout


def test_a_python_that_does_not_run_is_one_line():
    outcome = run("make", "--dry-run", "install", "PYTHON=python0.9")

    assert outcome.returncode == 2
    assert outcome.stderr.strip().endswith("PYTHON=python0.9 is no Python that runs here.  Stop.")
    assert outcome.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("script", "said"),
    [
        pytest.param(
            'case "$2" in *ensurepip*) exit 1;; esac', "apt install python3-venv", id="without venv"
        ),
        pytest.param("exit 1", "needs Python 3.11 or newer", id="too old"),
    ],
)
def test_a_python_that_cannot_make_an_environment_is_one_line(tmp_path, script, said):
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\n{script}\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)

    outcome = run("sh", "requirements/install.sh", str(tmp_path / "venv"), "demo", PYTHON=str(python))

    assert outcome.returncode == 1
    assert said in outcome.stderr
    assert outcome.stderr.count("\n") == 1
    assert not (tmp_path / "venv").exists()

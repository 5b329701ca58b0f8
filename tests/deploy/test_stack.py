"""The whole of deploy/compose.yml, played with processes in place of containers."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.deploy.proxies import find

pytestmark = [pytest.mark.processes, pytest.mark.long]


def why_not() -> str:
    if not find("caddy"):
        return "caddy is not installed, and the stack has no other proxy"
    if os.geteuid() != 0:
        return "only root may give the services their names"
    if (
        not shutil.which("unshare")
        or subprocess.run(["unshare", "--net", "--mount", "true"], check=False).returncode
    ):
        return "this system does not allow network namespaces"
    return ""


@pytest.fixture(scope="module")
def played() -> Iterator[dict]:
    if reason := why_not():
        pytest.skip(reason)
    # Not pytest's own folder, which only its owner may enter.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        command = ["unshare", "--net", "--mount", sys.executable, "-m", "tests.deploy.stack", folder]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout)


def test_ada_signs_in_through_the_proxy(played):
    assert played["landed"].startswith("https://id.example/nowhere?code=")


def test_nothing_is_unwise(played):
    assert played["problems"] == []


def test_the_job_makes_a_dump(played):
    assert "dumped to " in played["backup"]


def test_nothing_fails_while_a_web_process_is_replaced(played):
    assert set(played["statuses"]) == {"200"}


def test_every_service_stops_in_order(played):
    assert set(played["stopped"].values()) == {0}

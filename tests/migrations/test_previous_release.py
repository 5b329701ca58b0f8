"""The code of the previous release starts and works on the schema of this one, also beside its processes."""

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import houses, open_house  # noqa: F401 – fixtures.
from tests.faults.house import House
from tests.faults.programs import Program
from tests.migrations.programs import ROOT, Release

pytestmark = pytest.mark.processes
RECORD = Path(__file__).with_name("previous_release.toml")


@pytest.fixture(scope="session")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The recorded code, taken from the history of this checkout."""
    commit = tomllib.loads(RECORD.read_text())["commit"]
    archive = ["git", "-C", str(ROOT), "archive", "--format=tar", commit, "provider", "migrations"]
    try:
        taken = subprocess.run(archive, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no git to take the previous release from the history with")
    if taken.returncode:
        pytest.skip(f"the history has no {commit[:7]}: {taken.stderr.decode().strip()}")
    folder = tmp_path_factory.mktemp("previous-release")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=taken.stdout, check=True)
    return Release(folder)


@pytest.fixture
def house(open_house: Callable[..., House], previous: Release, monkeypatch: pytest.MonkeyPatch) -> House:  # noqa: F811
    """A database with the schema, the people and the clients of this release; nothing runs yet."""
    house = open_house("postgresql", is_open=False)
    # Of the processes that follow, those started with -P run the previous release.
    monkeypatch.setenv("PYTHONPATH", str(previous.folder))
    return house


def open_previous(house: House, previous: Release) -> None:
    """Start web and worker of the previous release."""
    log = house.folder / "previous-web.log"
    house.logs.append(log)
    serve = previous.command("serve", "--port", str(house.port), "--threads", "4")
    house.web = Program(serve, house.environ(), log)
    worker = house.start_worker(wait=False, launcher=previous.command())
    house.wait_until_open()
    house.wait_for_worker(worker)


def test_it_runs_the_recorded_code_and_not_this_one(previous, house):
    where = [sys.executable, "-P", "-c", "import provider; print(provider.__file__)"]

    said = subprocess.run(where, env=house.environ(), capture_output=True, text=True, check=True).stdout

    assert Path(said.strip()).is_relative_to(previous.folder)


def test_it_signs_people_in_and_out_on_the_new_schema(previous, house):
    open_previous(house, previous)

    visit = house.visitors.sign_in("ada", ["red", "green"])
    house.visitors.allow_offline(visit, "blue")
    for client_session in visit.client_sessions.values():
        assert house.visitors.refresh_token_works(client_session)
        assert house.visitors.access_token_works(client_session)
    house.visitors.sign_out(visit, "red")
    house.wait_until_settled()

    assert {row["rp"]: row["state"] for row in house.deliveries()} == {
        "red": "accepted",
        "green": "accepted",
        "blue": "accepted",
    }
    assert not any(probe.worked for probe in house.visitors.probe(visit))
    assert house.visitors.access_token_works(visit.offline["blue"])
    assert house.findings() == []


def test_it_goes_on_beside_this_release(previous, house):
    """In the middle of a rolling upgrade each honours what the other has written."""
    open_previous(house, previous)
    of_this_release = house.start_other_web()

    visit = house.visitors.sign_in("ada", ["red"])
    house.visitors.issuer = of_this_release
    house.visitors.visit_rp(visit, "green")
    assert house.visitors.access_token_works(visit.client_sessions["red"])
    house.visitors.issuer = house.issuer
    assert house.visitors.access_token_works(visit.client_sessions["green"])
    house.visitors.sign_out(visit, "red")
    house.wait_until_settled()

    assert {row["state"] for row in house.deliveries()} == {"accepted"}
    house.visitors.issuer = of_this_release
    assert not any(probe.worked for probe in house.visitors.probe(visit))
    assert house.findings() == []

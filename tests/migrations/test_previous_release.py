"""The code of the previous release starts and works on the schema of this one, also beside its processes."""

import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.faults.programs import Program
from tests.faults.site import Site
from tests.faults.sites import Sites
from tests.faults.visitors import browser_with, fields_of
from tests.migrations.programs import ROOT, Release
from tests.support.waiting import PATIENCE
from tests.support.warm_programs import WarmPrograms

# One process of the run takes the code from the history, and the first of its processes compiles it.
pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("previous release")]
RECORD = Path(__file__).with_name("previous_release.toml")


@pytest.fixture(scope="session")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
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
    warm = WarmPrograms(tmp_path_factory.mktemp("warm"), "release", folder)
    yield Release(folder, warm)
    warm.close()


@pytest.fixture(scope="module")
def opened(sites: Sites, previous: Release) -> Iterator[Site]:
    """Web and worker of the previous release on the schema, the people and the clients of this one.

    All tests have them: their first requests take longer than those of a test.
    """
    site = sites.make("postgresql")
    with pytest.MonkeyPatch.context() as patch:
        # Where a process of the previous release starts another one, that runs its code, too.
        patch.setenv("PYTHONPATH", str(previous.folder))
        try:
            open_previous(site, previous)
            yield site
        finally:
            site.close()


def open_previous(site: Site, previous: Release) -> None:
    """Start web and worker of the previous release."""
    web, worker = site.folder / "previous-web.log", site.folder / "previous-worker.log"
    site.logs += [web, worker]
    serve = ["serve", "--port", str(site.port), "--threads", "4"]
    site.web = Program(serve, site.environ(), web, previous.warm)
    site.workers.append(Program(["worker"], site.environ(), worker, previous.warm))
    site.wait_until_open()
    site.wait_for_worker(site.workers[-1])


@pytest.fixture(scope="module")
def of_this_release(opened: Site) -> str:
    """Where a web process of this release listens, beside that of the previous one."""
    return opened.start_other_web()


@pytest.fixture
def site(opened: Site) -> Site:
    """The site, visited at the previous release."""
    opened.visitors.issuer = opened.issuer
    return opened


def test_it_runs_the_recorded_code_and_not_this_one(previous, site):
    where = ["-c", "import provider, provider.command as last; print(provider.__file__, last.__file__)"]

    code, said, errors = previous.warm.run(where, site.environ())

    assert code == 0, errors
    assert all(Path(file).is_relative_to(previous.folder) for file in said.split())


def test_it_signs_people_in_and_out_on_the_new_schema(site):
    visit = site.visitors.sign_in("ada", ["red", "green"])
    site.visitors.allow_offline(visit, "blue")
    for client_session in visit.client_sessions.values():
        assert site.visitors.refresh_token_works(client_session)
        assert site.visitors.access_token_works(client_session)
    site.visitors.sign_out(visit, "red")
    site.wait_until_settled()

    assert {row["rp"]: row["state"] for row in site.deliveries()} == {
        "red": "accepted",
        "green": "accepted",
        "blue": "accepted",
    }
    assert not any(probe.worked for probe in site.visitors.probe(visit))
    assert site.visitors.access_token_works(visit.offline["blue"])
    assert site.findings() == []


def test_it_goes_on_beside_this_release(site, of_this_release):
    """In the middle of a rolling upgrade each honours what the other has written."""
    visit = site.visitors.sign_in("ada", ["red"])
    site.visitors.issuer = of_this_release
    site.visitors.visit_rp(visit, "green")
    assert site.visitors.access_token_works(visit.client_sessions["red"])
    site.visitors.issuer = site.issuer
    assert site.visitors.access_token_works(visit.client_sessions["green"])
    site.visitors.sign_out(visit, "red")
    site.wait_until_settled()

    assert {row["state"] for row in site.deliveries()} == {"accepted"}
    site.visitors.issuer = of_this_release
    assert not any(probe.worked for probe in site.visitors.probe(visit))
    assert site.findings() == []


class Person:
    """Ada's browser, whose requests a balancer sends to one release or the other."""

    def __init__(self, site: Site, browser: requests.Session) -> None:
        self.site, self.browser, self.at = site, browser, ""

    def begin(self, at: str) -> None:
        self.site.visitors.issuer = at
        self._came(self.site.visitors.begin(self.browser, "red", "v" * 43))

    def open(self, at: str) -> requests.Response:
        return self._came(self.browser.get(at + self.at, allow_redirects=False, timeout=PATIENCE))

    def sign_in(self, at: str, page: requests.Response) -> None:
        typed = fields_of(page) | {"username": "ada", "password": self.site.visitors.password}
        self._came(self.browser.post(at + self.at, data=typed, allow_redirects=False, timeout=PATIENCE))

    def _came(self, response: requests.Response) -> requests.Response:
        self.at = response.headers.get("Location", self.at)
        return response


def test_a_sign_in_moves_between_the_releases(site, of_this_release):
    """DEC-27: the previous release knows no request that is sealed into its address, until it has a row."""
    old, new = site.issuer, of_this_release
    all_stored = site.start_other_web(sealed_request_bytes="0")

    with browser_with() as browser:
        person = Person(site, browser)
        person.begin(old)
        person.sign_in(old, person.open(new))
        assert "code=" in person.open(new).headers["Location"]
    with browser_with() as browser:
        person = Person(site, browser)
        person.begin(new)
        # The page says that nothing waits, and how to start again.
        assert (person.open(old).status_code, "sealed=" in person.at) == (410, True)
        person.sign_in(new, person.open(new))
        assert "code=" in person.open(old).headers["Location"]
    with browser_with() as browser:
        person = Person(site, browser)
        person.begin(all_stored)
        person.sign_in(old, person.open(old))
        assert "code=" in person.open(new).headers["Location"]

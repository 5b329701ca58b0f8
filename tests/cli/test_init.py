"""`curfew init`: from nothing to a provider that can be served, and again without a change."""

import os
import pty
import subprocess
import tomllib

import pytest

from tests.support.demo import CURFEW
from tests.support.waiting import wait_until

ISSUER = "https://id.example"
PASSWORD = "the night train to turin"
HASHING = {"CURFEW_ARGON2_MEMORY": "1024", "CURFEW_ARGON2_PASSES": "1"}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "etc" / "curfew.toml"


@pytest.fixture
def init(curfew_alone, file):
    """Runs `curfew init` for a file, non-interactively."""

    def run(*options: str, code: int = 0, stdin: str = f"{PASSWORD}\n", **settings: str):
        return curfew_alone(
            "init", "--config", file, *options, code=code, stdin=stdin, **(HASHING | settings)
        )

    return run


def mode(path) -> int:
    return path.stat().st_mode & 0o777


def test_it_makes_all_that_a_provider_needs(init, file, curfew_alone):
    body = init("--issuer", ISSUER, "--user", "ada", "--json").json

    data = file.parent / "data"
    assert body["made"] == ["settings_file", "secret_key", "database", "user"]
    assert [mode(path) for path in (file, data, data / "secret.key")] == [0o600, 0o700, 0o600]
    assert tomllib.loads(file.read_text()) == {"issuer": ISSUER, "data_dir": str(data)}
    assert "# The `iss` of every token" in file.read_text()
    assert body["next"][0] == f"CURFEW_CONFIG={file} curfew serve --with-worker"
    assert body["next"][1].startswith(f"CURFEW_CONFIG={file} curfew client add ")
    assert set(file.parent.iterdir()) == {file, data}
    shown = curfew_alone("user", "show", "ada", "--json", CURFEW_CONFIG=str(file)).json
    assert shown["has_password"]


def test_a_second_run_changes_nothing_and_says_so(init, file):
    init("--issuer", ISSUER, "--user", "ada")
    data = file.parent / "data"
    before = file.read_bytes(), (data / "secret.key").read_bytes()

    again = init("--issuer", ISSUER, "--user", "ada", stdin="another password of ada\n").out

    assert again.startswith("Nothing to do: ")
    assert (file.read_bytes(), (data / "secret.key").read_bytes()) == before
    assert init("--json").json["made"] == []


def test_a_later_run_makes_what_is_missing(init, file):
    init("--issuer", ISSUER)

    assert init("--user", "ada", "--json").json["made"] == ["user"]


def test_a_run_that_fails_leaves_no_settings_so_that_the_next_may_choose_otherwise(init, file):
    err = init("--issuer", ISSUER, "--user", "ada", stdin="short\n", code=1).err

    assert err.count("\n") == 1
    assert [path.name for path in file.parent.iterdir()] == ["data"]
    assert init("--issuer", f"{ISSUER}:8443", "--user", "ada").out


@pytest.mark.parametrize(
    ("options", "settings", "code", "said"),
    [
        pytest.param((), {}, 2, "--issuer is missing", id="no issuer"),
        pytest.param(("--issuer", "http://id.example"), {}, 2, "must be an https URL", id="a wrong setting"),
        pytest.param(
            ("--issuer", ISSUER, "--broker-url", "amqp://broker"), {}, 2, "broker_url", id="a wrong broker"
        ),
        pytest.param(
            ("--issuer", ISSUER, "--database-url", "postgresql+psycopg://curfew@127.0.0.1:9/curfew"),
            {},
            1,
            "the database does not answer",
            id="no database",
        ),
        pytest.param(
            ("--issuer", ISSUER),
            {"CURFEW_ISSUER": "https://other.example"},
            1,
            "CURFEW_ISSUER in the environment would override --issuer",
            id="an environment that says otherwise",
        ),
        pytest.param(("--issuer", ISSUER, "--user", "ada"), {}, 2, "password is read", id="no password"),
        pytest.param(("--issuer", "https://id.example/\x1b"), {}, 1, "printable", id="unprintable"),
    ],
)
def test_what_it_cannot_do_is_one_line(init, file, options, settings, code, said):
    err = init(*options, code=code, stdin="", **settings).err

    assert err.startswith("curfew: ")
    assert err.count("\n") == 1
    assert said in err
    assert not file.exists()


def test_a_file_that_says_otherwise_is_not_changed(init, file):
    init("--issuer", ISSUER)

    err = init("--issuer", "https://other.example", code=1).err

    assert "has another issuer" in err
    assert tomllib.loads(file.read_text())["issuer"] == ISSUER


def test_another_key_than_the_one_of_the_database_is_refused(init, file, curfew, database_url):
    curfew("keys", "rotate")

    err = init("--issuer", ISSUER, "--database-url", database_url, code=2).err

    assert "the secret key does not match this database" in err
    assert not file.exists()


def test_values_are_taken_from_the_environment(init, file, database_url):
    body = init("--json", CURFEW_ISSUER=ISSUER, CURFEW_DATABASE_URL=database_url).json

    assert body["issuer"] == ISSUER
    assert tomllib.loads(file.read_text())["database_url"] == database_url


def test_a_local_provider_may_notify_apps_of_this_machine(init, file):
    init("--issuer", "http://localhost:8900")

    assert "localhost" in tomllib.loads(file.read_text())["outbound_allow"]


@pytest.mark.processes
def test_it_asks_a_person(tmp_path):
    """At a terminal each missing value is asked for; an empty answer is the default."""
    leader, follower = pty.openpty()
    command = [CURFEW, "init"]
    environ = HASHING | {"PATH": os.environ["PATH"], "TERM": "dumb"}
    terminal = {"stdin": follower, "stdout": follower, "stderr": follower}
    with subprocess.Popen(command, cwd=tmp_path, env=environ, start_new_session=True, **terminal) as process:
        os.close(follower)
        said = ""
        for question, answer in (
            ("URL that people use", ISSUER),
            ("Database URL", ""),
            ("Broker URL", ""),
            ("User name of the first person", "ada"),
            ("Password", PASSWORD),
            ("Repeat for confirmation", PASSWORD),
        ):
            said = read_until(leader, question)
            os.write(leader, f"{answer}\n".encode())
        said = read_until(leader, "serve --with-worker")

    assert process.returncode == 0
    assert "Added the account." in said
    assert tomllib.loads((tmp_path / "curfew.toml").read_text())["issuer"] == ISSUER


def read_until(terminal: int, words: str) -> str:
    said = ""

    def has_said() -> bool:
        nonlocal said
        said += os.read(terminal, 4096).decode()
        return words in said

    wait_until(has_said)
    return said


def test_it_offers_the_role_of_the_first_administrator_by_a_link_that_lives_for_an_hour(
    init, file, curfew_alone
):
    link = init("--issuer", ISSUER, "--json").json["administrator_link"]
    assert link.startswith(f"{ISSUER}/account/first-administrator/")

    # The open link cannot be shown again, and no second one is made beside it.
    assert init("--json").json["administrator_link"] is None

    settings = {"CURFEW_CONFIG": str(file)} | HASHING
    curfew_alone("user", "add", "cleo", "--no-password", **settings)
    curfew_alone("user", "role", "cleo", "administrator", **settings)
    assert init("--json").json["administrator_link"] is None

"""A secret key that is not the database's, or that everyone knows."""

import re
import socket
import sqlite3
from contextlib import closing

import pytest

from provider.infrastructure.database import transaction
from provider.keys.lifecycle import ensure_keys
from tests.architecture.sources import ROOT
from tests.conftest import FAST_SETTINGS

WRONG_SETTINGS, TAKEN = 2, 1
ANOTHER = "YW5vdGhlci1rZXktYW5vdGhlci1rZXktYW5vdGhlci0"
PUBLISHED = re.search(r"CURFEW_SECRET_KEY:-([\w-]+)\}", (ROOT / "docker-compose.yml").read_text())[1]


@pytest.fixture
def database_url(own_sqlite):
    """Nothing here depends on the kind of database."""
    return own_sqlite


@pytest.fixture
def keys(looking):
    """The database has signing keys."""
    with looking(), transaction():
        ensure_keys()


@pytest.fixture
def taken_port():
    """Occupy a port, at which `serve` ends after it has looked at everything else."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("serve",),
        ("worker",),
        ("client", "add", "--client-id", "red", "--redirect-uri", "https://red.test/cb"),
        ("keys", "list"),
        ("audit", "head"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_another_key_is_one_line_and_an_exit_code(curfew, keys, arguments):
    output = curfew(*arguments, code=WRONG_SETTINGS, CURFEW_SECRET_KEY=ANOTHER)

    assert output.out == ""
    assert re.fullmatch("curfew: the secret key does not match this database.*\n", output.err)


def test_what_another_key_was_refused_leaves_no_trace(curfew, keys):
    add = ("client", "add", "--client-id", "red", "--redirect-uri", "https://red.test/cb")
    curfew(*add, code=WRONG_SETTINGS, CURFEW_SECRET_KEY=ANOTHER)

    assert curfew("client", "list", "--json").json == []
    assert curfew("audit", "verify").out.endswith("as it was written.\n")


def test_the_database_can_be_upgraded_without_its_key(curfew, keys):
    curfew("db", "check", CURFEW_SECRET_KEY=ANOTHER)


def test_a_new_database_keeps_no_password_hash_in_the_clear(curfew, tmp_path):
    path = tmp_path / "new.sqlite3"
    new = {"CURFEW_DATABASE_URL": f"sqlite:///{path}"}
    curfew("db", "upgrade", **new)
    curfew("user", "add", "ada", stdin="analytical-engine-1843\n", **new)

    with closing(sqlite3.connect(path)) as connection:
        [(stored,)] = connection.execute("SELECT password_hash FROM account").fetchall()
    assert stored.startswith("sealed:0:")


@pytest.mark.parametrize(
    ("key", "warns"),
    [
        pytest.param(PUBLISHED, True, id="the key of docker-compose.yml"),
        pytest.param(PUBLISHED + "=", True, id="the same with padding"),
        pytest.param(FAST_SETTINGS["secret_key"], False, id="a key of one's own"),
    ],
)
def test_the_published_key_is_warned_of(curfew, taken_port, key, warns):
    output = curfew("serve", "--port", taken_port, code=TAKEN, CURFEW_SECRET_KEY=key)

    assert ("curfew: warning: the secret key is the published one" in output.err) is warns
    assert f"{taken_port} is taken" in output.err

"""`curfew settings --problems`: what is unwise in production, with an exit code."""

from datetime import UTC, datetime, timedelta

import pytest

from provider.delivery import workers
from provider.infrastructure import clock
from provider.infrastructure.database import transaction

PUBLISHED_KEY = "Y29tcG9zZS1kZW1vLWtleS1jb21wb3NlLWRlbW8ta2U"
WISE = {
    "CURFEW_ISSUER": "https://id.example",
    "CURFEW_OUTBOUND_ALLOW": "",
    "CURFEW_ARGON2_MEMORY": "19456",
    "CURFEW_ARGON2_PASSES": "2",
}


@pytest.fixture
def worker_seen(looking):
    """A worker has said that it lives."""
    with looking(), transaction():
        workers.note_seen("a worker", clock.now())


def test_a_sound_installation_has_none(curfew, worker_seen):
    assert curfew("settings", "--problems", **WISE).out == "No problems found.\n"
    assert curfew("settings", "--problems", "--json", **WISE).json == []


def test_a_worker_that_has_not_been_seen_lately_is_one(curfew, looking):
    with looking(), transaction():
        workers.note_seen("a worker", clock.now() - timedelta(minutes=5))

    assert subjects(curfew, **WISE) == ["worker"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("changed", "subject"),
    [
        pytest.param({"ISSUER": "http://localhost:8900"}, "issuer", id="http"),
        pytest.param(
            {"SECRET_KEY": "Y29tcG9zZS1kZW1vLWtleS1jb21wb3NlLWRlbW8ta2U"},
            "secret_key",
            id="the published key",
        ),
        pytest.param({"OUTBOUND_ALLOW": "0.0.0.0/0"}, "outbound_allow", id="every address"),
        pytest.param({"OUTBOUND_ALLOW": "127.0.0.0/8"}, "outbound_allow", id="this machine"),
        pytest.param({"OUTBOUND_ALLOW": "169.254.0.0/16"}, "outbound_allow", id="a cloud's metadata"),
        pytest.param({"REGISTRATION": "open"}, "registration", id="open registration"),
        pytest.param({"LOG_LEVEL": "DEBUG"}, "log_level", id="debug log"),
        pytest.param({"BROKER_URL": "redis://broker.example/0"}, "broker_url", id="an open broker"),
        pytest.param({"ARGON2_MEMORY": "1024"}, "argon2_memory", id="cheap password hashes"),
    ],
)
def test_what_is_unwise_is_named(curfew, worker_seen, changed, subject):
    settings = WISE | {f"CURFEW_{name}": value for name, value in changed.items()}

    assert subjects(curfew, **settings) == [subject]


def test_what_is_allowed_with_good_reason_is_none(curfew, worker_seen):
    allowed = {"CURFEW_OUTBOUND_ALLOW": "10.0.0.0/8, apps.internal", "CURFEW_REGISTRATION": "token"}

    assert curfew("settings", "--problems", "--json", **(WISE | allowed)).json == []


def test_secrets_in_a_file_that_others_can_read(curfew, worker_seen, tmp_path):
    file = tmp_path / "curfew.toml"
    file.write_text('metrics_bearer_token = "a-token-of-sixteen-letters"\n')
    for mode, expected in ((0o644, ["metrics_bearer_token"]), (0o600, [])):
        file.chmod(mode)
        assert subjects(curfew, CURFEW_CONFIG=str(file), **WISE, code=1 if expected else 0) == expected


def test_a_database_that_is_not_set_up_is_one(curfew, tmp_path):
    empty = {"CURFEW_DATABASE_URL": f"sqlite:///{tmp_path / 'empty.sqlite3'}"}

    assert subjects(curfew, **(WISE | empty)) == ["database"]


def test_clocks_that_differ_are_one(curfew, worker_seen, database_url):
    clock.use_as_local(lambda: datetime.now(UTC) - timedelta(seconds=90))
    try:
        has_one = database_url.startswith("postgresql")
        shown = curfew("settings", "--problems", code=1 if has_one else 0, **WISE).out
    finally:
        clock.use_as_local(None)
        clock.correct(timedelta())

    # An embedded database has the clock of its process.
    assert ("clock: this machine's clock is 90.0 s behind the database's." in shown) is has_one


def subjects(curfew, code: int = 1, **settings: str) -> list[str]:
    return [one["subject"] for one in curfew("settings", "--problems", "--json", code=code, **settings).json]

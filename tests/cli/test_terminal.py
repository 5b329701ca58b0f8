"""Nothing that a command prints can drive or reorder a terminal, in tables, objects, errors or JSON."""

import json
import re
import unicodedata
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

import provider.cli
from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.infrastructure import event_log
from provider.infrastructure.database import transaction

# What the entries say is made up here.
pytestmark = pytest.mark.filterwarnings("ignore::provider.audit.record.UndeclaredField")

KEY = ECKey.generate_key("P-256").as_dict(private=False)
# ESC, CSI of C1, DEL, NEL, bidirectional override and isolate, a tag character, an unpaired surrogate.
HOSTILE = "red\x1b[31m\x9b2J\x7f\x85\u202egpj.exe\u2066\U000e0041\rgreen\u2028blue\b"
LETTERS = "Größe 価格 😀 ـقـ"


@pytest.fixture
def database_url(own_sqlite):
    """Nothing here depends on the kind of database."""
    return own_sqlite


def unprintable(text: str) -> set[str]:
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c != "\n"}


@pytest.fixture
def entries(looking):
    with looking(), transaction():
        record(
            EventTag.CLIENT_ADDED, actor="admin", client_id="red", note=HOSTILE, inner={HOSTILE: [HOSTILE]}
        )
        record(EventTag.CLIENT_UPDATED, actor="admin", client_id="green", note=LETTERS)


@pytest.mark.parametrize("arguments", [("audit", "list"), ("audit", "list", "--json")], ids=["table", "JSON"])
def test_what_was_recorded_draws_nothing(curfew, entries, arguments):
    shown = curfew(*arguments).out

    assert unprintable(shown) == set()
    assert LETTERS in shown


def test_programs_read_the_value_as_it_was_recorded(curfew, entries):
    details = [row["detail"] for row in curfew("audit", "list", "--json").json]

    assert {"note": HOSTILE, "inner": {HOSTILE: [HOSTILE]}} in details
    assert {"note": LETTERS} in details


def test_an_object_that_a_client_registered_draws_nothing_either(curfew, tmp_path):
    keys = {"keys": [KEY | {"kid": HOSTILE, HOSTILE: 1}]}
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(keys))
    curfew("client", "add", "--client-id", "red", "--redirect-uri", "https://red.test/cb", "--jwks", path)

    shown = curfew("client", "show", "red").out
    written = curfew("client", "show", "red", "--json")

    assert "gpj.exe" in shown
    assert unprintable(shown) == set()
    assert unprintable(written.out) == set()
    assert written.json["jwks"] == keys


@pytest.mark.parametrize(
    "arguments",
    [
        ("client", "show", HOSTILE),
        ("user", "show", HOSTILE),
        ("audit", "list", "--since", HOSTILE),
        ("client", "add", "--grant-lifetime", HOSTILE),
        (f"x{HOSTILE}",),
    ],
    ids=lambda arguments: " ".join(arguments[:2]).split("\x1b")[0],
)
def test_an_error_that_repeats_its_cause_draws_nothing(curfew, arguments):
    output = curfew(*arguments, code=2 if "show" not in arguments else 1)

    assert unprintable(output.err + output.out) == set()


def test_the_log_writes_del_as_an_escape(caplog):
    caplog.set_level("INFO", logger="curfew")
    event_log.info("tried", said=HOSTILE)

    line = event_log.JSONLines().format(caplog.records[-1])

    assert unprintable(line) == set()
    assert json.loads(line)["said"] == HOSTILE


def test_commands_print_through_the_one_door():
    folder = Path(provider.cli.__file__).parent
    printing = re.compile(r"\b(?:click\.(?:echo|secho)|print)\(")
    doors = {"plain_text.py", "output.py"}

    passing = {path.name for path in folder.glob("*.py") if printing.search(path.read_text(encoding="utf-8"))}

    assert passing <= doors

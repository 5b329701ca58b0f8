"""The audit leaves as JSON lines or as OCSF events: all of it, in order, and continued where it ended."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from click.testing import CliRunner

from provider.audit.export import Format, as_exported, list_from, stream
from provider.audit.models import AuditEvent
from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.cli import main
from provider.infrastructure import acting, clock
from provider.infrastructure.acting import Operator
from provider.infrastructure.database import db, transaction
from tests.audit.tampering import ADA

pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    # What the entries say is made up here.
    pytest.mark.filterwarnings("ignore::provider.audit.record.UndeclaredField"),
]


@pytest.fixture
def curfew(app, settings, monkeypatch):
    """Calls the command in this process, on the test's database."""
    monkeypatch.setenv("CURFEW_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("CURFEW_SECRET_KEY", settings.secret_key)
    monkeypatch.setenv("CURFEW_DATA_DIR", str(settings.data_dir))

    def call(*arguments, expect=0):
        result = CliRunner().invoke(main, ["audit", "export", *map(str, arguments)], catch_exceptions=False)
        assert result.exit_code == expect, result.output
        return result

    return call


def add(tag=EventTag.SIGN_IN_SUCCEEDED, **values) -> None:
    with transaction():
        record(tag, **{"actor": "account", "account_id": ADA} | values)


def lines(result) -> list:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def history(app, turned_clock):
    """Three entries, a minute apart, and one of this moment."""
    begin = clock.now()
    for number in range(4):
        add(number=number)
        turned_clock.turn(timedelta(minutes=1 if number < 3 else 0))
    return begin


def test_all_that_is_settled_comes_in_order_and_goes_on_behind_the_last(history):
    found = [event.detail["number"] for event in stream(after=None, since=None, until=None)]
    assert found == [0, 1, 2]
    first = list_from(after=None, since=None, until=None, limit=2)
    rest = list_from(after=first[-1], since=None, until=None, limit=9)
    assert [event.detail["number"] for event in rest] == [2]
    spans = {"since": history + timedelta(seconds=30), "until": history + timedelta(seconds=90)}
    assert [event.detail["number"] for event in stream(after=None, **spans)] == [1]


def test_the_command_streams_and_remembers_where_it_ended(curfew, app, tmp_path, turned_clock):
    cursor, output = tmp_path / "cursor", tmp_path / "out.jsonl"
    for number in range(3):
        add(number=number)
        turned_clock.turn(timedelta(minutes=1))

    shown = curfew("--cursor", cursor)
    assert [one["detail"]["number"] for one in lines(shown)] == [0, 1, 2]
    assert cursor.read_text().strip() == lines(shown)[-1]["id"]
    assert curfew("--cursor", cursor).stdout == ""

    add(number=3)
    turned_clock.turn(timedelta(minutes=1))
    curfew("--cursor", cursor, "--format", "ocsf", "--output", output)
    (event,) = map(json.loads, output.read_text().splitlines())
    assert (event["class_uid"], event["unmapped"]["detail"]) == (3002, {"number": 3})
    assert len(lines(curfew("--since", "1h"))) == 4


def test_a_cursor_that_names_nothing_is_refused(curfew, app, tmp_path):
    cursor = tmp_path / "cursor"
    cursor.write_text("nonsense")
    assert "holds no cursor" in curfew("--cursor", cursor, expect=1).output
    assert "pruned" in curfew("--after", uuid4(), expect=1).output


def test_a_terminal_is_not_driven_by_what_an_entry_says(curfew, app, turned_clock):
    add(note="\x1b[31mred\u202e")
    turned_clock.turn(timedelta(minutes=1))

    shown = curfew()
    assert "\x1b" not in shown.stdout
    assert lines(shown)[0]["detail"]["note"] == "\x1b[31mred\u202e"


def test_the_plain_form_has_every_column(app):
    with acting.acting_as(Operator("cleo")):
        add(EventTag.CLIENT_ADDED, actor="admin", account_id=None, client_id="red")
    (event,) = db.session.query(AuditEvent)

    found = as_exported(event, Format.PLAIN)
    assert (found["tag"], found["actor_name"], found["at"]) == ("client_added", "cleo", event.at.isoformat())
    assert found.keys() >= {"id", "seq", "chain", "detail", "ip"}

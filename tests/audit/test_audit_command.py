"""`curfew audit`, as an operator calls it."""

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import delete, update

from provider.audit import chain
from provider.audit.models import AuditEvent
from provider.audit.prune import prune
from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.cli import main
from provider.infrastructure import clock
from provider.infrastructure.database import change, transaction

# What the entries say is made up here.
pytestmark = pytest.mark.filterwarnings("ignore::provider.audit.record.UndeclaredField")


@pytest.fixture
def curfew(app, settings, monkeypatch):
    """Calls the command in this process, on the test's database."""
    monkeypatch.setenv("CURFEW_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("CURFEW_SECRET_KEY", settings.secret_key)
    monkeypatch.setenv("CURFEW_DATA_DIR", str(settings.data_dir))

    def call(*arguments, expect=0):
        result = CliRunner().invoke(main, ["audit", *arguments], catch_exceptions=False)
        assert result.exit_code == expect, result.output
        return json.loads(result.stdout) if "--json" in arguments else result.output

    return call


@pytest.fixture
def entries(app):
    with transaction():
        for tag in (EventTag.CLIENT_ADDED, EventTag.CLIENT_UPDATED, EventTag.CLIENT_REMOVED):
            record(tag, actor="admin", client_id="red", note="\x1b[31mred\r\n")


def test_entries_are_listed_for_programs(curfew, entries):
    rows = curfew("list", "--json", "--tag", "client_added", "--tag", "client_removed", "--since", "1h")

    assert [row["tag"] for row in rows] == ["client_removed", "client_added"]
    assert rows[0]["detail"] == {"note": "\x1b[31mred\r\n"}


def test_a_table_draws_nothing_that_a_client_sent(curfew, entries):
    assert "\x1b" not in curfew("list")


def test_a_table_is_short_where_an_entry_is_long(app, curfew):
    with transaction():
        record(EventTag.CLIENT_ADDED, actor="admin", client_id="red", metadata={"scope": "openid"}, old=None)

    assert "metadata={…}" in curfew("list")
    assert curfew("list", "--json")[0]["detail"]["metadata"] == {"scope": "openid"}


def test_the_limit_takes_the_newest(curfew, entries):
    assert [row["tag"] for row in curfew("list", "--json", "--limit", "1")] == ["client_removed"]


def test_an_unknown_account_is_one_line_and_exit_1(curfew):
    assert curfew("list", "--account", "ben", expect=1).startswith("curfew: there is no account")


@pytest.mark.parametrize(
    "arguments", [("list", "--since", "soon"), ("list", "--tag", "nope"), ("verify", "--anchor", "1:2")]
)
def test_wrong_use_is_exit_2(curfew, arguments):
    assert curfew(*arguments, expect=2).startswith("curfew: Invalid value")


def test_the_head_anchors_everything_so_far(curfew, entries):
    anchor = curfew("head").strip()

    assert anchor.startswith("3:")
    assert "3 entries linked, 0 not yet linked: the log is as it was written" in curfew(
        "verify", "--anchor", anchor
    )


def test_a_changed_entry_makes_verification_fail(curfew, entries):
    curfew("head")
    with transaction():
        change(update(AuditEvent).where(AuditEvent.seq == 2).values(client_id="green"))

    assert "entry 2 (client_updated) was changed" in curfew("verify", expect=1)
    (problem,) = curfew("verify", "--json", expect=1)["problems"]
    assert problem == "entry 2 (client_updated) was changed, or this provider did not write it"


def test_an_auditor_is_told_what_was_compared_and_what_was_not(curfew, entries):
    anchor = curfew("head").strip()

    assert "Compared with no anchor: entries that were removed from the end" in curfew("verify")
    assert "Compared with 1 anchor, the newest of entry 3." in curfew("verify", "--anchor", anchor)
    with transaction():
        change(delete(AuditEvent).where(AuditEvent.seq == 3))
    cut = curfew("verify", "--anchor", anchor, expect=1)
    assert "the end of the log was cut off" in cut
    assert cut.strip().endswith("2 entries linked, 0 not yet linked: 1 problem.")


def test_a_cut_end_fails_against_the_anchor_alone(curfew, entries):
    anchor = curfew("head", "--json")["head"]
    with transaction():
        change(delete(AuditEvent).where(AuditEvent.seq == 3))

    curfew("verify")
    assert "the anchor knows of entry 3" in curfew("verify", "--anchor", anchor, expect=1)


def test_an_anchor_that_was_pruned_is_named(curfew, entries):
    anchor = curfew("head").strip()
    with transaction():
        record(EventTag.CLIENT_ADDED, actor="admin", client_id="green")
    with transaction():
        assert chain.seal() == 1
    with transaction():
        prune(clock.now() + timedelta(days=1), limit=2)
    assert "Entries through 2 were pruned for their age." in curfew("verify", "--anchor", anchor)
    with transaction():
        prune(clock.now() + timedelta(days=1))

    # The last entry is kept, with the link that the anchor was taken of.
    assert curfew("verify", "--json", "--anchor", anchor)["pruned_through"] == anchor
    early = curfew("verify", "--anchor", f"1:{'0' * 64}", expect=1)
    assert "entry 1 of the anchor was pruned, with all through 3" in early


def test_there_is_no_head_before_anything_happened(curfew):
    assert curfew("head", expect=1) == "curfew: the audit log is empty\n"

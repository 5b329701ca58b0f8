"""The end of the chain is anchored elsewhere, failures show and are repeated, and a gap is explained."""

import json
import socket
from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import delete

from provider.audit.anchoring import anchor_due, read_anchors, states
from provider.audit.chain import Link, seal
from provider.audit.chain import head as chain_head
from provider.audit.models import AuditEvent
from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.audit.verify import verify
from provider.cli import main
from provider.config.audit_anchors import read_anchor_target
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.inspection import standing
from tests.audit.tampering import ADA, tamper
from tests.support.scripted_server import Reply, scripted
from tests.support.waiting import PATIENCE

pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    # What the entries say is made up here.
    pytest.mark.filterwarnings("ignore::provider.audit.record.UndeclaredField"),
]
HOUR = timedelta(hours=1)


@pytest.fixture
def anchors(file) -> tuple[str, ...]:
    return (f"file:{file}",)


@pytest.fixture
def settings(settings, anchors):
    return replace(settings, audit_anchors=anchors, audit_anchor_token="token-of-the-anchors")


@pytest.fixture
def curfew(app, settings, anchors, monkeypatch):
    """Calls the command in this process, on the test's database."""
    monkeypatch.setenv("CURFEW_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("CURFEW_SECRET_KEY", settings.secret_key)
    monkeypatch.setenv("CURFEW_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("CURFEW_AUDIT_ANCHORS", ",".join(anchors))

    def call(*arguments, expect=0):
        result = CliRunner().invoke(main, ["audit", *arguments], catch_exceptions=False)
        assert result.exit_code == expect, result.output
        return json.loads(result.stdout) if "--json" in arguments else result.output

    return call


def add_entry() -> None:
    with transaction():
        record(EventTag.SIGN_IN_SUCCEEDED, actor="account", account_id=ADA)
        seal()
    db.session.expire_all()


def test_each_anchor_is_a_line_that_only_its_owner_reads(chain, file, turned_clock):
    anchor_due()
    add_entry()
    turned_clock.turn(timedelta(minutes=59))
    anchor_due()
    turned_clock.turn(timedelta(minutes=1))
    anchor_due()
    turned_clock.turn(HOUR)
    # Nothing has happened meanwhile, so there is nothing to anchor.
    anchor_due()

    assert [link.seq for link in read_anchors(file.read_bytes())] == [10, 11]
    assert file.stat().st_mode & 0o777 == 0o600
    (state,) = states()
    assert (state.link.seq, state.anchored_at, state.is_failing) == (11, clock.now(), False)


def test_a_target_that_fails_is_tried_again_and_says_why(chain, file, turned_clock, caplog):
    file.mkdir()
    anchor_due()
    began = clock.now()
    turned_clock.turn(timedelta(minutes=1))
    anchor_due()
    (state,) = states()
    assert (state.reason, state.is_failing, state.failing_since) == ("Is a directory", True, began)
    assert "the folder must exist" in state.cure
    assert "audit_not_anchored" in caplog.text

    file.rmdir()
    turned_clock.turn(timedelta(minutes=1))
    anchor_due()

    (state,) = states()
    assert (state.reason, state.link.seq, state.is_failing) == (None, 10, False)
    assert (state.failing_since, state.cure) == (None, None)


def test_a_target_that_no_worker_has_served_for_long_is_failing(chain, turned_clock):
    anchor_due()
    due = clock.now() + HOUR
    turned_clock.turn(HOUR + timedelta(minutes=16))

    (state,) = states()
    assert (state.failing_since, state.reason) == (due, "no worker has anchored here in time")
    assert "worker" in state.cure


@pytest.mark.usefixtures("chain")
class TestAnObject:
    @pytest.fixture
    def server(self):
        self.status = 200
        with scripted(lambda asked: Reply(self.status, {})) as served:
            yield served

    @pytest.fixture
    def anchors(self, server):
        return (f"{server.url}/anchors/{{seq}}?signature=secret",)

    def test_is_put_with_the_token_and_by_its_number(self, server):
        anchor_due()

        (asked,) = server.asked
        assert (asked.method, asked.path) == ("PUT", "/anchors/10?signature=secret")
        assert asked.headers["Authorization"] == "Bearer token-of-the-anchors"
        assert read_anchors(asked.body.encode()) == [states()[0].link]
        assert "secret" not in states()[0].target.name

    def test_that_is_refused_is_a_failure(self):
        self.status = 403

        anchor_due()

        assert states()[0].reason == "the server answered with status 403"
        assert "CURFEW_AUDIT_ANCHOR_TOKEN" in states()[0].cure


@pytest.mark.usefixtures("chain")
class TestASyslog:
    @pytest.fixture
    def receivers(self, tmp_path):
        udp, unix = (socket.socket(kind, socket.SOCK_DGRAM) for kind in (socket.AF_INET, socket.AF_UNIX))
        tcp = socket.create_server(("127.0.0.1", 0))
        udp.bind(("127.0.0.1", 0))
        unix.bind(str(tmp_path / "log"))
        for one in (udp, unix, tcp):
            one.settimeout(PATIENCE)
        yield udp, tcp, unix
        for one in (udp, unix, tcp):
            one.close()

    @pytest.fixture
    def anchors(self, receivers, tmp_path):
        udp, tcp, _unix = receivers
        return (
            f"syslog+udp://127.0.0.1:{udp.getsockname()[1]}",
            f"syslog+tcp://127.0.0.1:{tcp.getsockname()[1]}",
            f"syslog+unix:{tmp_path / 'log'}",
        )

    def test_gets_a_message_by_each_way(self, receivers):
        udp, tcp, unix = receivers
        anchor_due()

        accepted, _address = tcp.accept()
        with accepted, accepted.makefile("rb") as sent:
            length, _, framed = sent.read().partition(b" ")
        received = [udp.recv(2000), framed, unix.recv(2000)]

        assert int(length) == len(framed)
        for one in received:
            assert one.startswith(b"<109>1 ")
            assert b" curfew " in one
            assert read_anchors(one) == [states()[0].link]

    def test_that_is_away_is_a_failure(self, receivers):
        for one in receivers:
            one.close()

        anchor_due()

        assert [one.failure is not None for one in states()][1:] == [True, True]


@pytest.mark.parametrize(
    "text",
    [
        *("file:relative", "ftp://host/x", "syslog+tcp://", "syslog+udp://host:99999"),
        *("https://user@host/", "x", "https:///"),
    ],
)
def test_a_target_of_another_form_is_refused(text, database_url):
    with pytest.raises(ValueError, match=r"."):
        read_anchor_target(text)


def test_the_newest_of_many_anchors_explains_what_is_missing(chain, file, turned_clock):
    anchor_due()
    add_entry()
    turned_clock.turn(HOUR)
    anchor_due()
    kept = read_anchors(file.read_bytes())
    assert verify(*kept).problems == ()

    tamper(delete(AuditEvent).where(AuditEvent.seq > 9))

    (problem,) = verify(*kept).problems
    assert problem.startswith("the anchor knows of entry 11, but the last one here is 9: ")
    assert problem.endswith("entries 10 to 11 are missing")


def test_each_of_many_anchors_is_compared(chain):
    forged = [Link(seq, "0" * 64) for seq in (3, 7)]

    assert verify(*forged, chain_head()).problems == (
        "entry 3 is not the one that the anchor was taken of",
        "entry 7 is not the one that the anchor was taken of",
    )


def test_the_command_anchors_now_and_compares_with_the_file_by_itself(curfew, chain, file):
    assert curfew("anchors", "--json")[0]["failing"] is False

    (shown,) = curfew("anchor", "--json")
    assert (shown["seq"], shown["target"], shown["failing"]) == (10, f"file:{file}", False)
    assert "Compared with 1 anchor, the newest of entry 10." in curfew("verify")
    assert "file:" not in curfew("verify")

    tamper(delete(AuditEvent).where(AuditEvent.seq > 8))
    assert "entries 9 to 10 are missing" in curfew("verify", expect=1)
    assert "cut off" in curfew("anchor", expect=1)
    assert f"curfew: file:{file}: entry 10 was anchored" in curfew("verify", expect=1)


def test_the_command_takes_copies_of_anchors_in_any_lines(curfew, chain, tmp_path):
    kept = tmp_path / "syslog"
    kept.write_text(
        f"<109>1 2026-01-01T00:00:00Z host curfew 1 audit-anchor - https://id.example {chain_head()}\n"
    )
    nothing = tmp_path / "nothing"
    nothing.write_text("a page\n")

    assert "Compared with 1 anchor" in curfew("verify", "--anchors", str(kept))
    assert "holds no anchor" in curfew("verify", "--anchors", str(nothing), expect=1)


def test_a_failing_target_is_a_metric(chain, file):
    file.mkdir()
    anchor_due()

    readings = {one.gauge.name: one for one in standing.measure()}
    failing = readings["curfew_audit_anchor_failing"]
    assert (failing.value, failing.labels) == (1, (f"file:{file}",))

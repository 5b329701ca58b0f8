"""A backup brings back what was revoked after it: the instance knows, and one command ends all of it."""

import json

import pytest
from sqlalchemy import insert, select, text

from provider.audit import chain
from provider.audit.models import AuditEvent
from provider.delivery.models import Delivery
from provider.infrastructure.database import Base, db, transaction
from provider.infrastructure.lineage import DatabaseLineage
from provider.infrastructure.seen_database import FILE_NAME
from provider.inspection import history
from provider.logout.models import Logout
from tests.factories import make_account
from tests.support.browsers import Page, follow, query_of
from tests.support.relying_party import RelyingParty, press, type_password
from tests.support.waiting import wait_until

OLDER = 5


class Backup:
    """Every row of every table, as a dump has them."""

    def __init__(self):
        self._tables = Base.metadata.sorted_tables
        with db.engine.connect() as connection:
            self._rows = {
                table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
                for table in self._tables
            }

    def restore(self):
        with db.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SET LOCAL session_replication_role = replica"))
            else:
                connection.execute(text("PRAGMA defer_foreign_keys = ON"))
            for table in reversed(self._tables):
                connection.execute(table.delete())
            for table in self._tables:
                if self._rows[table.name]:
                    connection.execute(insert(table), self._rows[table.name])
        db.session.expire_all()


@pytest.fixture
def red(app, signing_keys):
    return RelyingParty(app)


@pytest.fixture
def ada(app, red):
    """Ada's browser, signed in at red."""
    make_account("ada")
    browser = app.test_client()
    type_password(browser, red.authorize(browser))
    return browser


def look():
    """Judge the history as any process does every few seconds, after the worker has sealed the audit."""
    with transaction():
        chain.seal()
    return history.judge()


def sign_out_everywhere_by_command(curfew):
    curfew("logout", "user", "ada", "--yes")


def test_what_was_revoked_after_a_backup_is_refused_again_at_the_next_request(app, ada, red, curfew):
    asked = red.authorize(ada, scope="openid profile offline_access", prompt="consent")
    tokens = red.exchange(query_of(press(ada, asked, "allow"))["code"]).json
    look()
    backup = Backup()
    sign_out_everywhere_by_command(curfew)
    look()
    backup.restore()
    assert red.userinfo(tokens["access_token"]).status_code == 200

    output = curfew("db", "restored", "--yes", "--json").json

    assert red.userinfo(tokens["access_token"]).status_code == 401
    assert red.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    assert red.introspect(tokens["access_token"]) == {"active": False}
    assert "sign-in" in Page(ada, follow(ada, red.authorize(ada))).buttons
    assert output["kind"] == "all"
    assert output["finished_at"]
    assert "older copy" in output["found"]
    assert {key["alg"] for key in output["active_keys"]} >= {"ES256", "RS256"}


def test_its_apps_are_notified_and_the_audit_says_so(app, ada, red, curfew):
    red.sign_in(ada)
    curfew("db", "restored", "--yes")

    assert db.session.scalars(select(Logout)).one().sessions_ended == 1
    assert db.session.scalars(select(Delivery)).one().recipient_id == red.client.id
    entry = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "database_restored")).one()
    assert entry.actor == "admin"
    assert entry.detail["lineage_id"] == db.session.scalars(select(DatabaseLineage)).one().lineage_id


def test_doing_it_again_ends_nothing_more(app, ada, red, curfew):
    red.sign_in(ada)
    first = curfew("db", "restored", "--yes", "--json").json
    again = curfew("db", "restored", "--yes", "--json").json

    assert (first["done"], again["done"]) == (1, 0)
    assert len(db.session.scalars(select(Logout)).all()) == 1


def test_a_dry_run_changes_nothing(app, ada, red, curfew):
    tokens = red.sign_in(ada)
    counts = curfew("db", "restored", "--dry-run", "--json").json

    assert (counts["dry_run"], counts["sessions"], counts["grants"]) == (True, 1, 1)
    assert red.userinfo(tokens["access_token"]).status_code == 200
    assert db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "database_restored")).all() == []


def test_without_a_terminal_the_decision_must_be_an_option(app, curfew):
    assert "--yes" in curfew("db", "restored", code=2).err


def test_serve_and_worker_refuse_an_older_copy_until_it_is_ended(app, ada, curfew):
    look()
    backup = Backup()
    sign_out_everywhere_by_command(curfew)
    look()
    backup.restore()

    for command in ("serve", "worker"):
        err = curfew(command, code=OLDER).err
        assert err.count("\n") == 1
        assert "curfew db restored" in err
    response = app.test_client().get("/health/ready")
    assert response.status_code == 503
    assert "older copy" in response.json["checks"]["history"]["detail"]
    found = curfew("check", "--json", code=1).json["checks"]
    assert {one["name"]: one["wrong"] for one in found}["database_history"] == 1
    assert "older copy" in curfew("audit", "verify", "--json", code=1).json["problems"][0]

    curfew("db", "restored", "--yes")
    curfew("audit", "verify")

    # A result of readiness is shared for a second.
    wait_until(lambda: app.test_client().get("/health/ready").status_code == 200)
    curfew("check")


def test_an_older_copy_that_comes_back_after_the_command_is_known(app, ada, curfew):
    look()
    backup = Backup()
    curfew("db", "restored", "--yes")
    backup.restore()

    assert history.judge().is_older


@pytest.mark.parametrize("lost", ["everybody is signed out", "another entry in its place"])
def test_other_signs_of_an_older_copy(app, ada, curfew, lost):
    look()
    backup = Backup()
    if lost == "everybody is signed out":
        # No worker has linked the entry: the epoch alone tells.
        curfew("logout", "everybody", "--yes")
        history.judge()
        backup.restore()
    else:
        sign_out_everywhere_by_command(curfew)
        look()
        backup.restore()
        make_account("ben")
        curfew("user", "disable", "ben")
        curfew("user", "enable", "ben")
        curfew("user", "disable", "ben")

    assert look().is_older


def test_two_processes_and_a_sealing_worker_raise_no_alarm(app, ada, curfew):
    for _ in range(3):
        curfew("user", "disable", "ada")
        curfew("user", "enable", "ada")
        assert look() == history.Judgement(history.State.WHOLE)


@pytest.mark.parametrize("what", ["the folder is lost", "the file is damaged", "another database"])
def test_what_proves_nothing_raises_no_alarm(app, ada, curfew, settings, what):
    look()
    backup = Backup()
    sign_out_everywhere_by_command(curfew)
    look()
    backup.restore()
    file = settings.data_dir / FILE_NAME
    match what:
        case "the folder is lost":
            file.unlink()
        case "the file is damaged":
            file.write_text('{"marks": {"a": 5}}')
        case _:
            with transaction():
                db.session.execute(DatabaseLineage.__table__.delete())

    assert look() == history.Judgement(history.State.WHOLE)


def test_the_file_is_its_owners_alone_and_goes_where_it_can(app, settings):
    look()
    file = settings.data_dir / FILE_NAME
    assert file.stat().st_mode & 0o777 == 0o600
    assert set(json.loads(file.read_text())) == {"marks", "replaced"}
    file.unlink()
    settings.data_dir.rmdir()
    settings.data_dir.write_text("no folder")

    assert look().state is history.State.WHOLE


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("changed", ["timeline", "system_identifier"])
def test_another_timeline_or_server_is_said_and_can_be_accepted(app, ada, curfew, changed):
    look()
    with transaction():
        row = db.session.scalars(select(DatabaseLineage)).one()
        setattr(row, changed, 99 if changed == "timeline" else "99")

    response = app.test_client().get("/health/ready")
    assert response.status_code == 200
    assert "accept-failover" in response.json["checks"]["history"]["detail"]
    found = curfew("check", "--json", code=1).json["checks"]
    assert {one["name"]: one["wrong"] for one in found}["database_history"] == 1

    assert curfew("db", "accept-failover", "--json").json["accepted"] is True
    assert curfew("db", "accept-failover", "--json").json["accepted"] is False
    curfew("check")
    assert history.judge() == history.Judgement(history.State.WHOLE)
    assert db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "failover_accepted")).one()


def test_a_failover_that_has_lost_something_cannot_be_accepted(app, ada, curfew):
    look()
    backup = Backup()
    sign_out_everywhere_by_command(curfew)
    look()
    backup.restore()

    assert "has lost data" in curfew("db", "accept-failover", code=1).err

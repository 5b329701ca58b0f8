"""`curfew logout`: very many logouts by one command, counted first and followed to the end."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from provider.audit.models import AuditEvent
from provider.delivery.models import Delivery
from provider.infrastructure import leases
from provider.infrastructure.database import db, transaction
from provider.logout.bulk import begin as bulk
from provider.logout.bulk import walk as bulk_walk
from provider.sessions.queries import find_live
from tests.factories import make_account, make_client, make_session


@pytest.fixture
def signed_in(looking):
    """Ada is signed in at red and green, Ben at red alone; returns the cookies' handles."""
    with looking():
        red, green = make_client("red"), make_client("green")
        ada = make_session(make_account("ada"), [red, green], offline=("green",))
        return [ada.handle, make_session(make_account("ben"), [red]).handle]


@pytest.fixture
def living(signed_in, looking):
    def ask() -> list[bool]:
        with looking():
            return [find_live(handle) is not None for handle in signed_in]

    return ask


@pytest.fixture
def owed(looking):
    def ask() -> int:
        with looking():
            return db.session.scalar(select(func.count()).select_from(Delivery))

    return ask


def test_everybody_is_signed_out_and_every_app_is_owed_a_notification(curfew, living, owed, looking):
    output = curfew("logout", "everybody", "--yes").out
    assert "Revoked. Affected sessions and tokens are rejected from now on." in output
    assert "Ended 2 of 2" in output
    assert living() == [False, False]
    assert owed() == 3
    with looking():
        entry = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "mass_ending")).one()
        assert (entry.actor, entry.detail["kind"]) == ("admin", "all")


def test_a_dry_run_counts_and_ends_nothing(curfew, living, owed):
    everybody = curfew("logout", "everybody", "--dry-run", "--json").json
    assert everybody == {
        "dry_run": True,
        "sessions": 2,
        "client_sessions": 3,
        "grants": 3,
        "apps_to_notify": 2,
        "service_tokens": 0,
    }
    assert curfew("logout", "client", "red", "--dry-run", "--json").json["client_sessions"] == 2
    assert curfew("logout", "user", "ada", "--dry-run", "--json").json["grants"] == 2
    assert curfew("logout", "before", "2020-01-01", "--dry-run", "--json").json["sessions"] == 0
    assert "apps_to_notify" in curfew("logout", "everybody", "--dry-run").out
    assert living() == [True, True]
    assert owed() == 0
    assert curfew("logout", "bulk", "list").out == "No bulk logouts.\n"


def test_a_clients_part_of_every_session_ends(curfew, living, owed):
    ended = curfew("logout", "client", "red", "--yes", "--json").json

    assert (ended["kind"], ended["client_id"], ended["done"], ended["total"]) == ("client", "red", 2, 2)
    assert ended["finished_at"]
    assert living() == [True, True]
    assert owed() == 2


def test_a_person_is_signed_out_everywhere(curfew, living, owed):
    ended = curfew("logout", "user", "ada", "--yes", "--json").json

    assert (ended["sessions_ended"], ended["grants_revoked"], ended["notifications"]) == (1, 2, 2)
    assert living() == [False, True]
    assert "Signed ben out everywhere" in curfew("logout", "user", "ben", "--yes").out


def test_what_was_begun_before_an_instant_ends(curfew, living, owed):
    curfew("logout", "before", "2020-01-01T00:00Z", "--yes")
    assert living() == [True, True]

    ended = curfew("logout", "before", datetime.now(UTC).isoformat(), "--yes", "--json").json
    assert ended["issued_before"]
    assert living() == [False, False]
    assert owed() == 3


def test_wrong_use(curfew, signed_in):
    assert "there is no client" in curfew("logout", "client", "blue", "--yes", code=1).err
    curfew("logout", "user", "nobody", "--yes", code=1)
    curfew("logout", "before", "yesterday", code=2)
    assert "is in the future" in curfew("logout", "before", "2999-01-01", "--yes", code=1).err


def test_what_has_ended_is_named_and_nothing_is_no_zero_of_zero(curfew, living):
    assert "Ended 2 of 2 sessions and grants" in curfew("logout", "everybody", "--yes").out
    assert "No session or grant was left to end." in curfew("logout", "everybody", "--yes").out


def test_a_bulk_logout_is_stopped_and_resumed_before_it_is_counted(curfew, living, owed, looking):
    curfew("logout", "everybody", "--yes", "--no-wait")
    (shown,) = curfew("logout", "bulk", "list", "--json").json

    stopped = curfew("logout", "bulk", "stop", shown["id"]).out
    resumed = curfew("logout", "bulk", "resume", shown["id"]).out

    assert stopped.startswith(
        "Stopped before anything was ended. The affected sessions and tokens stay rejected;"
    )
    assert resumed == "Resumed before anything was ended.\n"


def test_without_waiting_the_workers_do_the_rest(curfew, living, owed, looking):
    output = curfew("logout", "everybody", "--yes", "--no-wait").out
    assert "The workers end the sessions and grants and notify the apps (curfew logout bulk list)." in output
    assert living() == [False, False]
    assert owed() == 0

    with looking():
        while bulk_walk.carry_on() is not None:
            pass

    assert owed() == 3
    (shown,) = curfew("logout", "bulk", "list", "--json").json
    assert (shown["done"], shown["total"]) == (2, 2)


def test_while_a_worker_is_at_it_the_command_keeps_its_hands_off(looking, signed_in):
    with looking():
        leases.ensure([bulk_walk.DUTY])
        with transaction():
            begun = bulk.end_everybody("admin")
        assert leases.take(bulk_walk.DUTY, holder="worker", every=timedelta(0), hold=timedelta(minutes=1))

        assert bulk_walk.carry_on_if_free("command").done == 0

        leases.release(bulk_walk.DUTY, holder="worker")
        assert bulk_walk.carry_on_if_free("command").id == begun.id


def test_offline_access_that_is_taken_from_a_client_is_revoked_and_notified(curfew, signed_in, owed):
    curfew("client", "update", "green", "--scope", "openid profile")

    (shown,) = curfew("logout", "bulk", "list", "--json").json
    assert (shown["kind"], shown["client_id"]) == ("client_offline", "green")
    assert (shown["done"], shown["total"]) == (1, 1)
    assert owed() == 1
    curfew("client", "update", "green", "--client-name", "Greener")
    assert len(curfew("logout", "bulk", "list", "--json").json) == 1


def test_a_mass_ending_is_not_begun_unasked(curfew):
    refused = curfew("logout", "everybody", code=2)

    assert "--yes" in refused.err
    assert curfew("logout", "bulk", "list", "--json").json == []

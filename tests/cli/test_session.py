"""`curfew session` and `curfew delivery`: logouts by an administrator, and notifying the apps by hand."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.delivery.models import Delivery, DeliveryState
from provider.infrastructure.database import db, transaction
from tests.factories import make_account, make_client, make_session
from tests.support import signing_keys


@pytest.fixture
def signed_in(looking):
    """Ada is signed in at red and green, twice; Ben once. Returns the sessions' ids."""
    with looking():
        ada, ben = make_account("ada"), make_account("ben")
        red, green = make_client("red"), make_client("green")
        first = make_session(ada, [red, green], offline=("green",))
        second = make_session(ada, [red])
        other = make_session(ben, [red])
        return [str(one.session.id) for one in (first, second, other)]


def test_sessions_are_listed(curfew, signed_in):
    everybody = curfew("session", "list", "--json").json
    assert {one["id"] for one in everybody} == set(signed_in)
    assert "handle_digest" not in everybody[0]

    ada = curfew("session", "list", "--account", "ada", "--json").json
    assert {one["id"] for one in ada} == set(signed_in[:2])
    assert "Firefox on Linux" in curfew("session", "list").out
    curfew("session", "list", "--account", "nobody", code=1)


def test_one_session_ends_and_its_apps_are_owed_notifications(curfew, signed_in, looking):
    ended = curfew("session", "end", signed_in[0], "--json").json

    assert (ended["sessions_ended"], ended["client_sessions_ended"], ended["apps_to_notify"]) == (1, 2, 2)
    assert (ended["grants_revoked"], ended["grants_surviving"]) == (1, 1)
    assert {one["id"] for one in curfew("session", "list", "--json").json} == set(signed_in[1:])
    states = {one["id"]: one["state"] for one in curfew("session", "list", "--all", "--json").json}
    assert states[signed_in[0]] == "ended"
    assert "has already ended" in curfew("session", "end", signed_in[0], code=1).err
    with looking():
        event = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "logout")).one()
        assert (event.actor, str(event.logout_id)) == ("admin", ended["logout_id"])


def test_everything_of_a_person_is_ended(curfew, signed_in):
    ended = curfew("session", "end", "--account", "ada", "--yes", "--json").json

    assert (ended["sessions_ended"], ended["grants_revoked"]) == (2, 3)
    assert [one["id"] for one in curfew("session", "list", "--json").json] == [signed_in[2]]


def test_no_session_of_a_person_ends_without_confirmation(curfew, signed_in):
    refused = curfew("session", "end", "--account", "ada", code=2)

    assert "use --yes when running without a terminal" in refused.err
    assert {one["id"] for one in curfew("session", "list", "--json").json} == set(signed_in)


def test_wrong_use_of_session_end(curfew, signed_in):
    curfew("session", "end", code=2)
    curfew("session", "end", signed_in[0], "--account", "ada", code=2)
    curfew("session", "end", "no-uuid", code=2)
    assert "there is no session" in curfew("session", "end", uuid4(), code=1).err


def test_deliveries_are_listed_by_state_client_and_logout(curfew, signed_in):
    ended = curfew("session", "end", signed_in[0], "--json").json
    curfew("session", "end", signed_in[1])

    assert len(curfew("delivery", "list", "--json").json) == 3
    assert len(curfew("delivery", "list", "--client", "red", "--json").json) == 2
    of_logout = curfew(
        "delivery", "list", "--logout", ended["logout_id"], "--state", "pending", "--json"
    ).json
    assert {one["client_id"] for one in of_logout} == {"red", "green"}
    assert curfew("delivery", "list", "--state", "cancelled", "--json").json == []
    assert "pending" in curfew("delivery", "list").out
    shown = curfew("delivery", "show", of_logout[0]["id"], "--json").json
    assert shown["attempts"] == []
    assert shown["sid"]
    curfew("delivery", "show", of_logout[0]["id"])


def test_a_delivery_that_was_given_up_is_due_again(curfew, signed_in, looking):
    curfew("session", "end", signed_in[1])
    with looking():
        delivery = db.session.scalars(select(Delivery)).one()
        with transaction():
            delivery.state = DeliveryState.EXPIRED

    curfew("delivery", "retry", delivery.id)

    with looking():
        assert db.session.scalars(select(Delivery)).one().state == DeliveryState.PENDING
        assert "delivery_resent" in {event.tag for event in db.session.scalars(select(AuditEvent))}
        with transaction():
            db.session.scalars(select(Delivery)).one().state = DeliveryState.ACCEPTED
    assert "it is accepted" in curfew("delivery", "retry", delivery.id, code=1).err
    assert "there is no such delivery" in curfew("delivery", "retry", uuid4(), code=1).err


def test_draining_nothing_says_so(curfew):
    assert curfew("delivery", "drain").out == "Nothing is due.\n"
    assert curfew("delivery", "drain", "--json").json == {}


@pytest.fixture
def red_server():
    """Red's back-channel endpoint; collects the notifications."""
    received = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port, received
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.spec("DLV-25")
def test_draining_delivers_without_broker_or_worker(curfew, looking, red_server):
    port, received = red_server
    with looking():
        with transaction():
            signing_keys.provide()
        ada, red, green = make_account("ada"), make_client("red", port=port), make_client("green", port=1)
        signed_in = make_session(ada, [red, green])
    curfew("session", "end", signed_in.session.id)

    assert curfew("delivery", "drain", "--json").json == {"accepted": 1, "pending": 1}

    assert [body.partition("=")[0] for body in received] == ["logout_token"]
    rows = {one["client_id"]: one for one in curfew("delivery", "list", "--json").json}
    assert (rows["red"]["state"], rows["red"]["last_status"]) == ("accepted", 200)
    assert (rows["green"]["state"], rows["green"]["attempt_count"]) == ("pending", 1)
    shown = curfew("delivery", "show", rows["red"]["id"]).out
    assert "accepted" in shown
    assert received[0].partition("=")[2] not in shown

"""`/metrics` as Prometheus sees it: closed without its token, and the numbers are those of what happened."""

import contextlib
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from provider.app import create_app
from provider.clients.models import Client
from provider.delivery.models import BreakerState, Delivery, DeliveryState, EndpointHealth
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.infrastructure.leases import DutyLease
from provider.inspection import standing
from provider.interactions.lifecycle import park
from provider.interactions.models import InteractionKind
from provider.logout.end_session import end
from provider.logout.notice import BACKCHANNEL_LOGOUT
from provider.logout.notification.outbox import drain
from provider.worker.duties import seal_audit
from provider.worker.pruning import prune
from tests.delivery.receivers import receiving
from tests.endpoints.conftest import BY_ADA
from tests.factories import make_client, make_session
from tests.support.browsers import Page, follow
from tests.support.relying_party import type_password

TOKEN = "the-token-of-the-metrics"


@pytest.fixture
def settings(settings):
    return replace(settings, metrics_bearer_token=TOKEN)


def text_of_metrics(app):
    response = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert response.status_code == 200
    return response.get_data(as_text=True)


@pytest.fixture
def read(app):
    """Scrapes, and returns the value of a metric with these labels, 0 if there is none."""

    def scrape(name, **labels):
        # Parsing all others takes longer than a test.
        lines = [line for line in text_of_metrics(app).splitlines(keepends=True) if line.startswith(name)]
        for family in text_string_to_metric_families("".join(lines)):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return sample.value
        return 0

    return scrape


@pytest.fixture
def owed(ada):
    """Return the deliveries owed to red and green after Ada's sign-out, by client."""
    red, green = make_client("red"), make_client("green")
    made = make_session(ada, [red, green])
    with transaction():
        assert end(made.session, BY_ADA)
    return {red.client_id: change_delivery(red), green.client_id: change_delivery(green)}


def change_delivery(client):
    def change(**values):
        with transaction():
            row = db.session.query(Delivery).filter_by(recipient_id=client.id).one()
            for name, value in values.items():
                setattr(row, name, value)

    return change


def fail(client_id, **health):
    with transaction():
        client = db.session.query(Client).filter_by(client_id=client_id).one()
        db.session.add(EndpointHealth(kind=BACKCHANNEL_LOGOUT, recipient_id=client.id, **health))


@pytest.mark.parametrize(
    ("header", "status"),
    [
        pytest.param({}, 401, id="without a token"),
        pytest.param({"Authorization": "Bearer another"}, 401, id="with another token"),
        pytest.param({"Authorization": "Bearer ünknown"}, 401, id="with letters that no token has"),
        pytest.param({"Authorization": f"Basic {TOKEN}"}, 401, id="with another scheme"),
        pytest.param({"Authorization": f"Bearer {TOKEN}"}, 200, id="with the token"),
    ],
)
def test_the_metrics_need_their_token(http, header, status):
    assert http.get("/metrics", headers=header).status_code == status


def test_the_token_in_the_url_opens_nothing(http):
    assert http.get("/metrics", query_string={"access_token": TOKEN}).status_code == 400


class TestWithoutAToken:
    @pytest.fixture
    def settings(self, settings):
        return replace(settings, metrics_bearer_token="")

    def test_there_is_no_such_address(self, http):
        assert http.get("/metrics").status_code == 404
        assert http.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_a_sign_in_and_a_request_are_counted(http, rp, ada, read):
    signed_in = read("curfew_sign_ins_total", outcome="succeeded")
    asked = read("curfew_http_requests_total", endpoint="authorize", method="GET", status="303")

    type_password(http, rp.authorize(http))

    assert read("curfew_sign_ins_total", outcome="succeeded") == signed_in + 1
    assert read("curfew_http_requests_total", endpoint="authorize", method="GET", status="303") == asked + 1
    assert read("curfew_http_request_seconds_count", endpoint="authorize") > 0


def test_a_refused_sign_in_is_counted(http, rp, ada, read):
    refused = read("curfew_sign_ins_total", outcome="refused")

    page = Page(http, follow(http, rp.authorize(http)))
    page.press("sign-in", username="ada", password="not her password")

    assert read("curfew_sign_ins_total", outcome="refused") == refused + 1


def test_unknown_addresses_share_one_label(http, read):
    before = read("curfew_http_requests_total", endpoint="none", method="GET", status="404")

    for path in ("/wp-login.php", "/.git/config"):
        http.get(path)

    assert read("curfew_http_requests_total", endpoint="none", method="GET", status="404") == before + 2


def test_what_an_alert_waits_for_is_there_before_it_happens(http):
    """Prometheus sees no rise in a counter that first appears with 1."""
    text = http.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).get_data(as_text=True)

    for tries in ("first", "later"):
        assert f'curfew_deliveries_finished_total{{state="expired",tries="{tries}"}} ' in text
    assert 'curfew_endings_total{reason="refresh_replay",scope="app"} ' in text


def test_an_ending_is_counted_once_it_is_committed(story, read):
    labels = {"reason": "user", "scope": "browser"}
    ended = read("curfew_endings_total", **labels)

    with contextlib.suppress(ZeroDivisionError), transaction():
        end(story.made.session, BY_ADA)
        raise ZeroDivisionError
    db.session.expire_all()
    assert read("curfew_endings_total", **labels) == ended

    story.end_session()

    assert read("curfew_endings_total", **labels) == ended + 1


def test_the_oldest_due_delivery_shows_that_no_worker_delivers(turned_clock, owed, read):
    turned_clock.turn(timedelta(seconds=90))

    assert read("curfew_delivery_oldest_due_seconds") == 90
    assert read("curfew_deliveries", state="pending") == 2

    owed["red"](leased_until=clock.now() + timedelta(seconds=60))
    owed["green"](next_attempt_at=clock.now() + timedelta(hours=1))
    assert read("curfew_delivery_oldest_due_seconds") == 0


def test_what_a_breaker_holds_is_not_overdue(turned_clock, owed, read):
    owed["green"](state=DeliveryState.EXPIRED)
    until = clock.now() + timedelta(minutes=15)
    fail("red", state=BreakerState.OPEN, open_until=until, failing_since=clock.now())
    fail("green", state=BreakerState.CLOSED)
    owed["red"](refusals=2, last_outcome="misconfigured")

    turned_clock.turn(timedelta(seconds=90))

    assert read("curfew_delivery_oldest_due_seconds") == 0
    assert read("curfew_endpoint_breaker_state", kind=BACKCHANNEL_LOGOUT, client_id="red") == 2
    assert read("curfew_endpoint_failing_seconds", kind=BACKCHANNEL_LOGOUT, client_id="red") == 90
    assert read("curfew_endpoint_breaker_state", kind=BACKCHANNEL_LOGOUT, client_id="green") == 0
    assert read("curfew_endpoint_refusing", kind=BACKCHANNEL_LOGOUT, client_id="red") == 0
    assert read("curfew_deliveries", state="expired") == 1
    assert read("curfew_deliveries", state="refusing") == 1
    assert read("curfew_deliveries", state="pending") == 0


def test_an_endpoint_that_refuses_is_distinguished(turned_clock, owed, read):
    for name, outcome in (("red", "misconfigured"), ("green", "timeout")):
        fail(name, state=BreakerState.CLOSED, failing_since=clock.now(), last_outcome=outcome, refusals=2)

    assert read("curfew_endpoint_refusing", kind=BACKCHANNEL_LOGOUT, client_id="red") == 1
    assert read("curfew_endpoint_refusing", kind=BACKCHANNEL_LOGOUT, client_id="green") == 0


def test_the_age_of_the_sweep_and_of_each_duty(turned_clock, app, read):
    with transaction():
        db.session.add(DutyLease(name="sweep", last_done_at=clock.now()))
        db.session.add(DutyLease(name="seal_audit", last_done_at=clock.now() - timedelta(minutes=1)))

    turned_clock.turn(timedelta(seconds=30))

    assert read("curfew_sweeper_heartbeat_age_seconds") == 30
    assert read("curfew_duty_age_seconds", duty="seal_audit") == 90


def test_what_should_have_been_deleted_is_overdue(turned_clock, app, settings, read):
    with transaction():
        park(InteractionKind.ACCOUNT, {}, browser=None)
    kept = settings.interaction_lifetime + timedelta(hours=2)

    turned_clock.turn(kept)
    assert read("curfew_pruning_overdue_seconds", table="interaction") == 0
    turned_clock.turn(timedelta(minutes=10))
    assert read("curfew_pruning_overdue_seconds", table="interaction") == 600
    prune()
    assert read("curfew_pruning_overdue_seconds", table="interaction") == 0


def test_finished_deliveries_and_audit_entries_are_overdue_after_their_retention(
    turned_clock, owed, settings, read
):
    owed["red"](finished_at=clock.now())
    seal_audit()

    turned_clock.turn(settings.delivery_retention + timedelta(seconds=60))
    assert read("curfew_pruning_overdue_seconds", table="delivery") == 60
    turned_clock.turn(settings.audit_retention - settings.delivery_retention)
    assert read("curfew_pruning_overdue_seconds", table="audit_event") == 60


@pytest.mark.parametrize("url", ["postgresql+psycopg://nobody@127.0.0.1:1/none", "sqlite:////nowhere/none"])
def test_without_the_database_the_counters_are_reported(settings, url):
    lost = create_app(replace(settings, database_url=url))

    response = lost.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})

    body = response.get_data(as_text=True)
    assert "curfew_database_up 0" in body
    assert "curfew_endings_total" in body
    assert "curfew_deliveries{" not in body


def test_measuring_costs_few_statements(owed, statements):
    with statements() as seen:
        standing.measure()

    assert len(seen) <= 9


def test_no_gauge_reads_what_was_accepted(app, statements):
    """Of accepted deliveries there may be millions; every other state is found by a partial index."""
    if db.engine.dialect.name == "postgresql":
        db.session.execute(text("SET enable_seqscan = off"))
    with statements() as seen:
        standing.measure()
    explain = "EXPLAIN QUERY PLAN " if db.engine.dialect.name == "sqlite" else "EXPLAIN "
    asked = [one for one in seen if "FROM delivery" in one]
    for statement in asked:
        literal = re.sub(r"%\([a-z_0-9]+\)s(::[A-Z]+( WITH TIME ZONE)?)?|\?", "'2026-01-01'", statement)
        plan = " ".join(str(row) for row in db.session.execute(text(explain + literal)))
        # The one that asks for the oldest row walks along the primary key.
        assert re.search("ix_delivery_|pk_delivery|autoindex_delivery", plan)
    assert len(asked) == 4


def test_what_deliveries_came_to_is_counted(ada, read):
    with receiving(200) as red, receiving(503) as green:
        clients = [make_client("red", port=red.port), make_client("green", port=green.port)]
        made = make_session(ada, clients)
        first = read("curfew_deliveries_finished_total", state="accepted", tries="first")
        counted = {
            name: read("curfew_time_to_told_seconds_count", client_id=name) for name in ("red", "green")
        }
        attempts = {
            outcome: read("curfew_delivery_attempts_total", kind="backchannel_logout", outcome=outcome)
            for outcome in ("accepted", "unavailable")
        }
        with transaction():
            assert end(made.session, BY_ADA)

        drain(limit=2)

    assert read("curfew_deliveries_finished_total", state="accepted", tries="first") == first + 1
    assert read("curfew_time_to_told_seconds_count", client_id="red") == counted["red"] + 1
    assert read("curfew_time_to_told_seconds_count", client_id="green") == counted["green"]
    for outcome, before in attempts.items():
        labels = {"kind": "backchannel_logout", "outcome": outcome}
        assert read("curfew_delivery_attempts_total", **labels) == before + 1

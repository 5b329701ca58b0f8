"""The operator learns why a client was refused: in the log, the audit and by `client show --problems`."""

import json
import logging
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from provider.audit.models import AuditEvent
from provider.clients.models import Client
from provider.clients.problems import KEPT_FOR, MOST_OF_A_KIND
from provider.infrastructure import clock
from provider.infrastructure.database import change, db, transaction
from provider.worker.pruning import prune
from tests.factories import secret_of
from tests.security.test_client_authentication import ask, basic
from tests.support.command import run_curfew
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty


def problems(client_id: str = "red") -> list[dict[str, object]]:
    return json.loads(run_curfew("client", "show", client_id, "--problems", "--json"))["problems"]


def audited() -> list[AuditEvent]:
    end_read()
    of_refusals = select(AuditEvent).where(AuditEvent.tag == "client_refused").order_by(AuditEvent.id)
    return list(db.session.scalars(of_refusals))


def logged(caplog) -> list[dict[str, object]]:
    return [record.fields for record in caplog.records if record.getMessage() == "client_refused"]


def disable(client: Client) -> None:
    with transaction():
        change(update(Client).where(Client.id == client.id).values(disabled_at=clock.now()))


@pytest.fixture
def red(app):
    return RelyingParty(app, "red")


@pytest.mark.parametrize(
    ("headers", "form", "used", "cause"),
    [
        pytest.param(
            basic("red", "wrong-secret-of-red"), {}, "client_secret_basic", "secret", id="a wrong secret"
        ),
        pytest.param(
            {},
            {"client_id": "red", "client_secret": secret_of("red")},
            "client_secret_post",
            "method",
            id="a method that is not registered",
        ),
        pytest.param({}, {"client_id": "red"}, "none", "method", id="no proof"),
    ],
)
def test_a_failed_authentication_is_explained_inside_alone(red, caplog, headers, form, used, cause):
    with caplog.at_level(logging.INFO, "curfew"):
        response = ask(red, headers, **form)

    assert response.json == {"error": "invalid_client", "error_description": "client authentication failed"}
    (event,), (line,), (problem,) = audited(), logged(caplog), problems()
    for recorded in (event.detail, line, problem):
        assert (recorded["used"], recorded["cause"]) == (used, cause)
        assert recorded["registered"] == "client_secret_basic"
        assert "wrong-secret" not in str(recorded)
        assert secret_of("red") not in str(recorded)
    assert event.client_id == line["client_id"] == "red"
    assert problem["cure"]


@pytest.mark.parametrize(
    ("headers", "form"),
    [
        pytest.param(basic("cfs_swapped-secret", "red"), {}, id="the secret in place of the id"),
        pytest.param({"Authorization": "cfs_swapped-secret"}, {}, id="the secret without a scheme"),
        pytest.param(
            {"Authorization": "swapped-secret"}, {"client_id": "red"}, id="the same of another form"
        ),
        pytest.param({}, {"client_id": "cfa_swapped-secret"}, id="a token in place of the id"),
    ],
)
def test_a_secret_in_the_wrong_place_is_not_written_down(red, caplog, headers, form):
    with caplog.at_level(logging.INFO, "curfew"):
        assert ask(red, headers, **form).status_code == 401

    recorded = str(logged(caplog)) + str([event.detail for event in audited()]) + str(problems())
    assert "swapped" not in recorded


def test_a_disabled_client_and_an_unknown_one_look_the_same_from_outside_alone(red, caplog):
    disable(red.client)
    with caplog.at_level(logging.INFO, "curfew"):
        disabled = ask(red, basic("red", secret_of("red")))
        unknown = ask(red, basic("nobody", secret_of("red")))

    assert (disabled.status_code, disabled.json) == (unknown.status_code, unknown.json)
    assert [line["cause"] for line in logged(caplog)] == ["disabled", "unknown"]
    first, second = audited()
    assert (first.client_id, first.detail["cause"]) == ("red", "disabled")
    assert (second.client_id, second.detail["claimed_client_id"]) == (None, "nobody")
    assert "--enable" in problems()[0]["cure"]


def test_a_public_client_learns_which_endpoint_is_not_for_it(app):
    spa = RelyingParty(app, "spa", public=True)

    assert spa.post("/introspect", token="cfa_x").status_code == 401
    assert problems("spa")[0]["cause"] == "endpoint"


def test_a_refused_address_is_shown_with_a_cure_that_warns(red, http):
    red.authorize(http, redirect_uri="https://red.test/other?secret=1")
    http.get("/session/end", query_string={"client_id": "red", "post_logout_redirect_uri": "https://x.test/"})

    by_kind = {problem["kind"]: problem for problem in problems()}
    assert by_kind["redirect_uri"]["refused"] == "https://red.test/other?..."
    assert "--redirect-uri https://red.test/callback" in by_kind["redirect_uri"]["cure"]
    assert "if this address belongs to the app" in by_kind["redirect_uri"]["cure"]
    # The query was not kept, so the command cannot name it.
    assert "--redirect-uri 'https://red.test/other?REST'" in by_kind["redirect_uri"]["cure"]
    assert by_kind["post_logout_redirect_uri"]["refused"] == "https://x.test/"
    assert {event.detail["kind"] for event in audited()} == by_kind.keys()


@pytest.mark.parametrize("sent", ["cfs_a-secret", "/callback"])
def test_what_is_no_address_is_not_offered_to_be_registered(red, http, sent):
    red.authorize(http, redirect_uri=sent)

    assert problems()[0]["cure"] == "Have the app send a registered address, to the letter."


def test_refused_scopes_resources_and_types_are_shown(signed_in, rp):
    for asked in (
        {"scope": "openid account"},
        {"resource": "https://api.test/"},
        {"response_type": "id_token"},
    ):
        rp.authorize(signed_in, **asked)
    machine = rp.post("/token", grant_type="client_credentials", scope="account")
    assert machine.status_code == 400

    found = {problem["kind"]: str(problem["problem"]) for problem in problems()}
    assert "account" in found["scope"]
    assert "https://api.test/" in found["resource"]
    assert found.keys() == {"scope", "resource", "response_type", "not_registered_for"}


def test_an_app_that_does_not_exist_is_in_the_audit_without_being_any_client(http, app):
    http.get("/authorize", query_string={"client_id": "no\x1b[31mone", "redirect_uri": "https://x.test/"})

    (event,) = audited()
    assert event.client_id is None
    assert event.detail["claimed_client_id"] == r"no\x1b[31mone"


def test_what_is_refused_again_is_counted_and_what_succeeds_is_nothing(red):
    for _ in range(3):
        ask(red, basic("red", "wrong-secret-of-red"))
    assert ask(red, basic("red", secret_of("red"))).status_code == 200

    assert [problem["times"] for problem in problems()] == [3]
    assert "The secret is wrong" in run_curfew("client", "show", "red", "--problems")


def test_a_client_without_problems_says_so(red):
    assert "No request of this client was refused" in run_curfew("client", "show", "red", "--problems")


def test_a_flood_in_a_clients_name_fills_neither_the_table_nor_the_audit(red, http, caplog):
    ask(red, basic("red", "wrong-secret-of-red"))
    with caplog.at_level(logging.INFO, "curfew"):
        for number in range(40):
            red.authorize(http, redirect_uri=f"https://red.test/{number}")
            http.get("/authorize", query_string={"client_id": f"unknown-{number}"})

    assert len(logged(caplog)) == 1 + 80
    kinds = [problem["kind"] for problem in problems()]
    assert kinds.count("redirect_uri") == MOST_OF_A_KIND
    # What the operator must know is not pushed out by what anyone can cause.
    assert kinds.count("authentication") == 1
    of_red = [event for event in audited() if event.client_id == "red"]
    assert len(of_red) == 6 + 1
    assert len(audited()) <= 60 + len(of_red)


def test_refusals_are_forgotten_after_a_while(red, turned_clock):
    ask(red, basic("red", "wrong-secret-of-red"))
    turned_clock.turn(KEPT_FOR + timedelta(seconds=1))

    prune()

    assert problems() == []

"""A client in the admin API: remarks, doctor, refusals, recipes, service tokens, its endpoint."""

from datetime import timedelta

import pytest

from provider.clients import problems
from provider.delivery.models import EndpointHealth
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.logout.notice import BACKCHANNEL_LOGOUT, recipient_of
from provider.protocol.refusal import Refusal, RefusalKind
from tests.admin_api.test_clients import last_entry
from tests.factories import make_client, make_session


def test_remarks_have_a_score_and_what_to_do(admin):
    make_client("plain", backchannel_logout_uri=None)

    body = admin.get("/client-remarks/plain")

    first = body["findings"][0]
    assert (first["check"], first["grade"]) == ("backchannel_logout_uri", "fail")
    assert first["fix"].startswith("Register the address")
    assert body["score"] < 100
    admin.get("/client-remarks/nothing", 404)


def test_an_examination_is_answered_with_its_transcript_and_recorded(admin):
    make_client("plain", backchannel_logout_uri=None)

    body = admin.post("/client-examinations/plain")

    assert (body["grade"], body["trial_opened"]) == ("fail", False)
    assert [one["check"] for one in body["findings"]] == ["registration"]
    entry = last_entry("client_examined")
    assert (entry.client_id, entry.actor_name) == ("plain", "cleo")


def test_the_last_refusals_are_listed(admin, red):
    refusal = Refusal(client_id="red", is_known=True, kind=RefusalKind.SCOPE, sentence="no such scope")
    with transaction():
        problems.keep(red.id, refusal, ip="192.0.2.9")

    [body] = admin.get("/client-problems/red")["items"]

    assert (body["kind"], body["sentence"], body["count"]) == ("scope", "no such scope", 1)


def test_a_recipe_is_listed_filled_in_registered_and_answers_with_the_configuration(admin):
    known = {one["name"]: one for one in admin.get("/recipes")["items"]}
    assert "<<base_url>>" in str(known["flask"]["metadata"])
    filled = admin.get("/recipes/flask", base_url="https://shop.example")

    made = admin.post(
        "/clients", {"client_id": "shop", "metadata": filled["metadata"], "recipe": "flask"}, 201
    )

    body = admin.get("/client-configurations/shop")
    assert (body["recipe"], body["differences"]) == ("flask", [])
    text = body["files"][0]["text"]
    assert "shop" in text
    assert "<<" not in text
    assert made["client_secret"] not in str(body)
    admin.get("/client-configurations/shop", 404, recipe="nothing")
    admin.get("/recipes/nothing", 404, base_url="https://shop.example")
    assert admin.get("/recipes/flask", 422)["errors"][0]["pointer"] == "/base_url"
    admin.get("/recipes/flask", 422, base_url="javascript:alert(1)")
    admin.post("/clients", {"metadata": filled["metadata"], "recipe": "nothing"}, 422)


def test_service_tokens_are_listed_and_revoked_one_or_all(admin, as_service):
    robots = [as_service(client_id=f"robot-{number}") for number in range(2)]
    page = admin.get("/service-tokens", limit=1)
    rest = admin.get("/service-tokens", limit=1, after=page["next"])
    assert {page["items"][0]["client_id"], rest["items"][0]["client_id"]} == {"robot-0", "robot-1"}
    assert not [robot for robot in robots if robot.token in str((page, rest))]

    [one] = admin.get("/service-tokens", client_id="robot-0")["items"]
    assert admin.ask("DELETE", f"/service-tokens/{one['id']}").status_code == 204
    assert admin.ask("DELETE", f"/service-tokens/{one['id']}").status_code == 404
    body = admin.post("/service-token-revocations", {"client_id": "robot-1"})

    assert body == {"client_id": "robot-1", "revoked": 1}
    assert [robot.ask("GET", "/clients").status_code for robot in robots] == [401, 401]
    admin.post("/service-token-revocations", {"client_id": "nothing"}, 404)


@pytest.fixture
def held(admin, ada, red):
    """Ada was signed out of red, whose endpoint is held back for an hour."""
    made = make_session(ada, [red])
    admin.post(f"/sessions/{made.session.id}/end")
    now = clock.now()
    with transaction():
        db.session.add(
            EndpointHealth(
                kind=BACKCHANNEL_LOGOUT,
                recipient_id=red.id,
                state="open",
                open_until=now + timedelta(hours=1),
                failing_since=now,
                last_outcome="connect",
            )
        )
    return made


def test_an_endpoint_that_is_held_back_is_listed_and_tried(admin, held):
    [body] = admin.get("/failing-endpoints")["items"]
    assert (body["client_id"], body["state"], body["waiting"]) == ("red", "open", 1)

    assert admin.post("/endpoint-trials", {"client_id": "red"}) == {
        "client_id": "red",
        "trial_opened": True,
    }

    assert last_entry("endpoint_tried").client_id == "red"
    [tried] = admin.get("/failing-endpoints")["items"]
    assert tried["next_trial_at"] < body["next_trial_at"]
    # An hour was taken off already.
    assert admin.post("/endpoint-trials", {"client_id": "red"})["trial_opened"] is False
    admin.post("/endpoint-trials", {"client_id": "nothing"}, 404)


def test_failing_endpoints_are_read_page_by_page_though_one_works_again_meanwhile(admin):
    path, since = "/failing-endpoints", clock.now()
    ids = {name: make_client(name).id for name in ("app-0", "app-1", "app-2", "tried")}
    with transaction():
        for name, client_pk in ids.items():
            known = {"kind": BACKCHANNEL_LOGOUT, "recipient_id": client_pk}
            is_tried = name == "tried"
            state, failing = ("recovering", None) if is_tried else ("closed", since)
            db.session.add(EndpointHealth(state=state, failing_since=failing, **known))
    pages = [admin.get(path, limit=1)]
    with transaction():
        works = recipient_of(ids[pages[0]["items"][0]["client_id"]])
        db.session.get_one(EndpointHealth, works).failing_since = None

    while pages[-1]["next"] and len(pages) < 9:
        pages.append(admin.get(path, limit=1, after=pages[-1]["next"]))

    seen = [one["client_id"] for page in pages for one in page["items"]]
    assert (sorted(seen), seen[-1]) == (sorted(ids), "tried")
    admin.get(path, 422, after="nothing")


def test_why_an_app_was_not_notified_is_answered(admin, held, red):
    path, sid = "/notification-explanation", held.client_sessions["red"].sid

    body = admin.get(path, client_id="red", sid=sid)

    assert (body["verdict"], body["delivery"]["state"]) == ("waiting", "pending")
    assert body["delivery"]["held_by_breaker"] is True
    assert body == admin.get(path, client_id="red", session_id=str(held.session.id))
    make_client("blue")
    assert admin.get(path, client_id="blue", session_id=str(held.session.id))["verdict"] == "not_part"
    for wrong, code in (
        ({}, 422),
        ({"sid": sid, "session_id": str(held.session.id)}, 422),
        ({"sid": "unknown"}, 404),
        ({"session_id": str(new_id())}, 404),
    ):
        admin.get(path, code, client_id="red", **wrong)


def test_deliveries_and_logouts_of_a_span_of_time(admin, held):
    hour = timedelta(hours=1)
    before, after = (clock.now() - hour).isoformat(), (clock.now() + hour).isoformat()
    for path in ("/deliveries", "/logouts"):
        assert len(admin.get(path, since=before, until=after)["items"]) == 1
        assert admin.get(path, since=after)["items"] == []
        assert admin.get(path, until=before)["items"] == []
        assert admin.get(path, since="0001-01-01T00:00:00Z", until="9999-12-31T23:59:59Z")["items"]
    assert len(admin.get("/logouts", reason="admin")["items"]) == 1
    assert admin.get("/logouts", reason="user")["items"] == []
    admin.get("/logouts", 422, reason="nothing")


def test_the_reference_for_people_names_every_operation_and_schema(http):
    response = http.get("/api/admin/v1/docs")
    html = response.get_data(as_text=True)

    described = http.get("/api/admin/v1/openapi.json").json
    operations = [one for methods in described["paths"].values() for one in methods.values()]
    assert all(f'id="{one["operationId"]}"' in html for one in operations)
    assert all(f'id="{name}"' in html for name in described["components"]["schemas"])
    assert "<script" not in html
    assert ("<code>next</code>" in html, "`" in html) == (True, False)

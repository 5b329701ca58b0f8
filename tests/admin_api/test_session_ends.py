"""Sessions, grants, deliveries, logouts and bulk logouts over the admin API."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from provider.administration import sessions
from provider.audit.models import AuditEvent
from provider.delivery.models import Delivery
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.logout.bulk.walk import carry_on
from provider.logout.models import Logout
from tests.factories import make_session
from tests.support.reads import end_read


@pytest.fixture
def made(ada, red, green):
    """Ada's session at red and, offline, at green."""
    return make_session(ada, [red, green], offline=("green",))


def ids(page) -> list[str]:
    return [one["id"] for one in page["items"]]


def pages(admin, path, **query) -> list[str]:
    """All ids of a list, read two at a time."""
    seen, after = [], {}
    while True:
        page = admin.get(path, limit=2, **query, **after)
        seen += ids(page)
        if page["next"] is None:
            return seen
        after = {"after": page["next"]}


@pytest.fixture
def ended(made) -> str:
    """Ada's session has ended; the id of the logout."""
    with transaction():
        outcome = sessions.end(made.session.id)
    return str(outcome.logout.id)


def test_sessions_of_a_person_and_of_a_client_are_listed(admin, ada, ben, red, made):
    others = [str(make_session(ben, [red]).session.id) for _ in range(3)]
    own = str(made.session.id)

    assert pages(admin, "/sessions", person_id=ada.id) == [own]
    # Those of one millisecond are in any order.
    assert sorted(pages(admin, "/sessions", client_id="red")) == sorted([*others, own])
    assert admin.get(f"/sessions/{own}")["apps"] == ["green", "red"]
    shown = str(admin.get("/sessions", person_id=ada.id))
    assert made.handle not in shown
    assert made.client_sessions["red"].sid not in shown
    admin.get("/sessions", 422, client_id="red", person_id=ada.id)
    admin.get("/sessions", 404, client_id="nobody")


def test_a_session_is_ended_once_and_by_name(admin, cleo, made):
    path = f"/sessions/{made.session.id}"

    content = admin.post(f"{path}/end")

    assert (content["sessions_ended"], content["grants_revoked"], content["grants_surviving"]) == (1, 1, 1)
    assert content["notifications"] == 2
    assert admin.get(path)["state"] == "ended"
    assert admin.post(f"{path}/end", code=409)["type"].endswith(":conflict")
    end_read()
    logout = db.session.get(Logout, made.session.logout_id) or db.session.scalars(select(Logout)).one()
    assert (logout.initiator, logout.actor_name) == ("admin", "cleo")
    assert str(cleo.id) in logout.actor_origin


def test_some_sessions_are_ended_and_the_others_named(admin, ada, made):
    second, unknown = make_session(ada), new_id()
    asked = [str(made.session.id), str(second.session.id), str(unknown)]

    content = admin.post("/session-ends", {"session_ids": asked})["items"]

    by_id = {one["session_id"]: one for one in content}
    assert [bool(by_id[one]["ended"]) for one in asked] == [True, True, False]
    assert "there is no session" in by_id[str(unknown)]["problem"]
    admin.post("/session-ends", {"session_ids": []}, 422)
    admin.post("/session-ends", {"session_ids": [str(new_id())] * 101}, 422)


def test_a_person_is_signed_out_everywhere_after_a_look(admin, ada, made):
    assert admin.get(f"/people/{ada.id}/sign-out-preview") == {
        "sessions": 1, "client_sessions": 2, "grants": 2, "apps_to_notify": 2, "service_tokens": None
    }  # fmt: skip

    assert admin.post(f"/people/{ada.id}/sign-out")["grants_revoked"] == 2

    assert admin.get("/sessions", person_id=ada.id)["items"] == []
    admin.post(f"/people/{new_id()}/sign-out", code=404)


def test_an_offline_grant_is_seen_beside_the_sessions_and_revoked(admin, ada, ended):
    (grant,) = admin.get("/grants", person_id=ada.id)["items"]
    assert (grant["client_id"], grant["offline"], grant["state"]) == ("green", True, "unrevoked")

    assert admin.post(f"/grants/{grant['id']}/revoke")["grants_revoked"] == 1

    assert admin.get("/grants", person_id=ada.id, offline="true")["items"] == []
    assert len(pages(admin, "/grants", person_id=ada.id, with_ended="true")) == 2
    assert admin.post(f"/grants/{grant['id']}/revoke", code=409)
    assert admin.post(f"/grants/{new_id()}/revoke", code=404)


def test_a_logout_is_shown_with_its_apps_and_attempts(admin, ada, ended):
    assert pages(admin, "/logouts", person_id=ada.id) == pages(admin, "/logouts", client_id="red") == [ended]

    tree = admin.get(f"/logouts/{ended}")

    assert [(app["client_id"], app["state"]) for app in tree["apps"]] == [
        ("green", "to be notified"), ("red", "to be notified")
    ]  # fmt: skip
    assert [one["client_id"] for one in tree["surviving_grants"]] == ["green"]
    assert tree["sessions"][0]["ended"] is True
    admin.get(f"/logouts/{new_id()}", 404)
    admin.get("/logouts", 422, since="2026-01-01T00:00:00")


def test_logouts_are_read_page_by_page(admin, ada, turned_clock):
    for _ in range(5):
        made = make_session(ada)
        with transaction():
            sessions.end(made.session.id)

    seen = pages(admin, "/logouts", person_id=ada.id)
    assert len(seen) == len(set(seen)) == 5


def test_a_delivery_is_cancelled_with_a_reason_and_sent_again(admin, ended):
    (delivery,) = admin.get("/deliveries", client_id="red")["items"]
    path = f"/deliveries/{delivery['id']}"
    assert delivery["state"] == "pending"

    content = admin.post(f"{path}/cancel", {"reason": " shut down "})["delivery"]

    assert (content["state"], content["cancel_reason"], content["next_attempt_at"]) == (
        "cancelled",
        "shut down",
        None,
    )
    assert "cancelled" in admin.post(f"{path}/cancel", {"reason": "again"}, 409)["detail"]
    admin.post(f"{path}/cancel", {"reason": "  "}, 422)
    assert admin.post(f"{path}/resend")["delivery"]["state"] == "pending"
    assert admin.get(path)["attempts"] == []
    admin.post(f"/deliveries/{new_id()}/resend", code=404)


def test_deliveries_of_a_client_or_a_span_are_changed_in_batches(admin, ended):
    assert admin.post("/delivery-cancellations", {"client_id": "red", "reason": "gone"}) == {
        "changed": 1, "next": None
    }  # fmt: skip
    assert ids(admin.get("/deliveries", state="cancelled")) == ids(admin.get("/deliveries", client_id="red"))
    since = (clock.now() - timedelta(hours=1)).isoformat()

    assert admin.post("/delivery-resends", {"since": since, "states": ["cancelled"]})["changed"] == 1

    assert len(pages(admin, "/deliveries", state="pending")) == 2
    admin.post("/delivery-resends", {}, 422)
    admin.post("/delivery-resends", {"since": "2026-01-01T00:00:00"}, 422)
    admin.post("/delivery-resends", {"client_id": "red", "states": ["accepted"]}, 422)


def test_a_bulk_logout_is_measured_begun_and_watched(admin, ben, made):
    make_session(ben)
    assert admin.get("/bulk-logout-preview", kind="client", client_id="red")["client_sessions"] == 1

    response = admin.ask("POST", "/bulk-logouts", json={"kind": "client", "client_id": "red", "pace": 500})

    assert response.status_code == 202
    path = response.headers["Location"].removeprefix("/api/admin/v1")
    assert admin.get(path)["state"] == "running"
    carry_on()
    done = admin.get(path)
    assert (done["state"], done["total"], done["done"], done["actor_name"]) == ("finished", 1, 1, "cleo")
    assert ids(admin.get("/bulk-logouts")) == [done["id"]]
    assert admin.get("/sessions", client_id="red")["items"] == []


def test_a_bulk_logout_is_stopped_resumed_and_paced(admin, made):
    begun = admin.post("/bulk-logouts", {"kind": "client", "client_id": "red"}, 202)
    path = f"/bulk-logouts/{begun['id']}"

    assert admin.post(f"{path}/stop")["state"] == "stopped"
    assert admin.post(f"{path}/stop", code=409)
    assert admin.post(f"{path}/pace", {"per_second": 7})["pace"] == 7
    assert admin.post(f"{path}/resume")["state"] == "running"
    admin.post(f"/bulk-logouts/{new_id()}/stop", code=409)
    end_read()
    tags = set(db.session.scalars(select(AuditEvent.tag).where(AuditEvent.actor_name == "cleo")))
    assert tags >= {"mass_ending", "mass_ending_stopped", "mass_ending_paced", "mass_ending_resumed"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"kind": "client"}, id="a client that is not named"),
        pytest.param({"kind": "all", "client_id": "red"}, id="everybody, of one client"),
        pytest.param({"kind": "issued_before"}, id="before no instant"),
        pytest.param({"kind": "all", "issued_before": "2026-01-01T00:00:00Z"}, id="all, before an instant"),
        pytest.param({"kind": "issued_before", "issued_before": "2026-01-01T00:00:00"}, id="no time zone"),
        pytest.param({"kind": "issued_before", "issued_before": "2999-01-01T00:00:00Z"}, id="the future"),
        pytest.param({"kind": "some"}, id="another kind"),
    ],
)
def test_a_bulk_logout_that_says_too_little_or_too_much_ends_nothing(admin, made, body):
    admin.post("/bulk-logouts", body, 422)

    assert admin.get("/bulk-logouts")["items"] == []
    end_read()
    assert db.session.scalars(select(Delivery)).all() == []


def test_everybody_is_signed_out_and_the_caller_too(admin, as_service, made):
    admin.post("/bulk-logouts", {"kind": "all"}, 202)

    assert admin.ask("GET", "/clients").status_code == 401

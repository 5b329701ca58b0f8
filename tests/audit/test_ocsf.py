"""OCSF events have what their class demands, and nothing that it does not have.

The table beside this file is cut from the published schema of OCSF 1.3.0. The events were also validated
with all of that schema; docs/operate/audit.md says how.
"""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from provider.audit.models import AuditEvent
from provider.audit.ocsf import BASE, CLASSES, VERSION, as_ocsf
from provider.audit.tags import EventTag
from provider.infrastructure import clock
from tests.audit.tampering import ADA

ISSUER = "https://id.example"
SCHEMA = json.loads((Path(__file__).parent / "ocsf_1_3_0.json").read_text())
EVERY = {name: set(listed) for name, listed in SCHEMA["every_class"].items()}
DETAIL = {
    "scope": "openid email",
    "kid": "k",
    "after": "operator",
    "token_id": "t",
    "resource": "https://api.example/",
}


def made(tag: str, **values) -> AuditEvent:
    about = {"id": uuid4(), "at": clock.now(), "actor": "account", "account_id": ADA, "detail": {}}
    return AuditEvent(tag=tag, mac="", **about | values)


def full(tag: str, actor: str) -> AuditEvent:
    """An entry with a value in every column."""
    return made(
        tag,
        actor=actor,
        ip="192.0.2.1",
        session_id=uuid4(),
        logout_id=uuid4(),
        client_id="red",
        actor_name="cleo",
        actor_origin="db1",
        correlation_id="c1",
        seq=3,
        chain="ab",
        detail=DETAIL,
    )


@pytest.mark.parametrize("actor", ["account", "admin", "client", "system"])
@pytest.mark.parametrize("tag", [*EventTag, "something_new"])
def test_each_event_has_what_its_class_demands_and_nothing_else(tag, actor):
    for entry in (full(tag, actor), made(tag, actor=actor, account_id=None)):
        event = as_ocsf(entry, ISSUER)
        kind, metadata = SCHEMA["classes"][str(event["class_uid"])], event["metadata"]
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        assert event["category_uid"] == event["class_uid"] // 1000
        assert event["class_name"] == kind["name"]
        assert event["activity_id"] in kind["activities"]
        assert EVERY["required"] | set(kind["required"]) <= event.keys()
        assert not kind["at_least_one"] or event.keys() & set(kind["at_least_one"])
        of_host = kind["of_host"] if "host" in metadata.get("profiles", ()) else ()
        assert event.keys() <= EVERY["attributes"] | {*kind["attributes"], *of_host}
        assert {"version", "product"} <= metadata.keys() <= set(SCHEMA["metadata"])
        assert metadata["version"] == VERSION == SCHEMA["version"]
        # An activity of the number "Other" is explained by its name.
        assert ("activity_name" in event) == (event["activity_id"] == 99)
        assert json.loads(json.dumps(event)) == event


@pytest.mark.parametrize("tag", EventTag)
def test_nothing_of_an_entry_is_lost_on_the_way(tag):
    entry = full(tag, "admin")

    written = json.dumps(as_ocsf(entry, ISSUER))

    columns = (
        entry.ip,
        entry.client_id,
        entry.logout_id,
        entry.actor_name,
        entry.actor_origin,
        entry.chain,
        ISSUER,
    )
    for value in (*columns, entry.id, entry.tag, entry.correlation_id):
        assert f'"{value}"' in written, value
    kind, _ = CLASSES.get(tag, (BASE, 99))
    assert str(entry.session_id) in written
    # An entity is not a person, and an act on it is of the operator.
    assert (str(ADA) in written) == (kind.uid != 3004)


def test_people_operators_apps_and_the_system_are_distinguished():
    actors = {
        "account": made(EventTag.LOGOUT),
        "admin": made(EventTag.LOGOUT, actor="admin", actor_name="cleo", actor_origin="db1"),
        "client": made(EventTag.LOGOUT, actor="client", client_id="red", ip="192.0.2.1"),
        "system": made(EventTag.LOGOUT, actor="system", account_id=None),
    }
    events = {name: as_ocsf(event, ISSUER) for name, event in actors.items()}

    assert events["account"]["actor"] == {"user": {"uid": str(ADA)}}
    assert events["admin"]["actor"]["user"]["name"] == "cleo"
    assert events["client"]["actor"] == {"app_name": "red"}
    assert events["client"]["src_endpoint"] == {"ip": "192.0.2.1"}
    assert events["system"]["user"] == {"name": "unknown"}
    assert events["system"]["service"] == {"name": ISSUER}


@pytest.mark.parametrize(
    ("tag", "detail", "entity"),
    [
        (EventTag.CLIENT_UPDATED, {}, {"uid": "red", "type": "client"}),
        (
            EventTag.RESOURCE_UPDATED,
            {"resource": "https://a.example/"},
            {"uid": "https://a.example/", "type": "resource"},
        ),
        (EventTag.KEY_HINT_ONLY, {"kid": "k1"}, {"uid": "k1", "type": "key"}),
        (EventTag.SECRET_KEY_REMOVED, {"generation": 2}, {"uid": "2", "type": "secret_key"}),
        (EventTag.INITIAL_TOKEN_REVOKED, {"token_id": "t1"}, {"uid": "t1", "type": "initial_token"}),
    ],
)
def test_an_entity_is_named(tag, detail, entity):
    assert as_ocsf(made(tag, client_id="red", detail=detail), ISSUER)["entity"] == entity


@pytest.mark.parametrize(
    ("before", "after", "activity", "privileges"),
    [
        pytest.param("none", "viewer", 1, ["viewer"], id="given"),
        pytest.param("viewer", "operator", 1, ["operator"], id="changed"),
        pytest.param("operator", "none", 2, ["operator"], id="taken away"),
    ],
)
def test_a_role_is_assigned_or_revoked(before, after, activity, privileges):
    event = as_ocsf(made(EventTag.ROLE_CHANGED, detail={"before": before, "after": after}), ISSUER)

    assert (event["activity_id"], event["privileges"]) == (activity, privileges)


def test_an_event_of_a_later_release_is_exported_too():
    event = as_ocsf(made("something_new"), ISSUER)

    assert (event["class_uid"], event["message"], event["activity_name"]) == (
        0,
        "something_new",
        "something_new",
    )

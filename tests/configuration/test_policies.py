"""Policies of the provider in a file: compared with the settings in force, and never changed by it."""

from dataclasses import fields

import yaml

from provider.config import Settings
from provider.configuration.policies import POLICIES
from tests.configuration.conftest import HEAD

STATED = (
    HEAD
    + """\
policies:
  session_lifetime: 8h
  registration: token
  sessions_per_account: 5
  delivery_schedule: [1s, 1m, 1h]
  frontchannel_logout: true
roles: {}
"""
)
IN_FORCE = {
    "CURFEW_SESSION_LIFETIME": "480m",
    "CURFEW_REGISTRATION": "token",
    "CURFEW_SESSIONS_PER_ACCOUNT": "5",
    "CURFEW_DELIVERY_SCHEDULE": "1s,60s,1h",
    "CURFEW_FRONTCHANNEL_LOGOUT": "yes",
}


def test_a_plan_needs_the_policies_that_its_file_states(curfew, file):
    path = file(STATED)

    assert curfew("plan", path, **IN_FORCE).out == "No changes.\n"
    refused = curfew("plan", path, code=1, **(IN_FORCE | {"CURFEW_SESSION_LIFETIME": "12h"})).err
    assert f"{path}:4: policies.session_lifetime is 12h here, which a file cannot change" in refused
    assert "set CURFEW_SESSION_LIFETIME to 8h for every process of the provider" in refused
    assert len(refused.splitlines()) == 1


def test_nothing_is_applied_under_other_policies(curfew, file):
    path = file(STATED.replace("roles: {}", "resources: {urn:api: {name: Orders}}"))

    assert "policies.registration is" in curfew("apply", path, "--yes", code=1).err
    assert curfew("resource", "list", "--json").json == []
    curfew("apply", path, "--yes", **IN_FORCE)


def test_an_export_states_those_in_force_and_is_accepted_where_they_are(curfew, file):
    exported = curfew("export", **IN_FORCE).out

    written = yaml.safe_load(exported)["policies"]
    # Of the settings of every test.
    del written["password_min_length"]
    assert written == {
        "session_lifetime": "8h",
        "registration": "token",
        "sessions_per_account": 5,
        "delivery_schedule": ["1s", "1m", "1h"],
        "frontchannel_logout": True,
    }
    assert curfew("plan", file(exported), **IN_FORCE).out == "No changes.\n"
    assert "policies.registration is" in curfew("plan", file(exported), code=1).err
    assert "policies" not in curfew("export", "--owned", **IN_FORCE).out


def test_what_is_no_policy_is_refused(curfew, file):
    path = file(
        HEAD
        + """\
policies:
  issuer: https://id.example
  session_liftime: 8h
  grant_lifetime: soon
  registration_scopes: {a: b}
"""
    )

    said = curfew("plan", path, code=1).err
    assert f"{path}:4: policies.issuer is a setting of this installation, and no policy" in said
    assert f"{path}:5: policies.session_liftime is not known, and no policy" in said
    assert f"{path}:6: policies.grant_lifetime is not a time span" in said
    assert f"{path}:7: policies.registration_scopes must be a text, a number" in said
    listed = file(f"{HEAD}policies: [session_lifetime]\n")
    assert "policies must be a mapping" in curfew("plan", listed, code=1).err


def test_policies_are_settings_and_no_secrets():
    declared = {one.name: one for one in fields(Settings)}

    assert set(POLICIES) <= declared.keys()
    assert not any(declared[name].metadata.get("secret") for name in POLICIES)

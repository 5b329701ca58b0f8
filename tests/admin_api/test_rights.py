"""Every operation × every caller: what a caller may not do is refused before anything else is looked at.

The operations are those that are registered, so that a new one cannot be forgotten here.
"""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from provider.accounts.roles import Role
from provider.admin_api import GROUP, OPERATIONS
from provider.admin_api.operation import ROOT, Operation
from provider.administration.permissions import DANGEROUS, permissions_of
from provider.clients.models import Client
from provider.infrastructure import current
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.protocol.permissions import Permission
from provider.tokens.models import AccessToken
from provider.web.route import Speaks
from tests.factories import make_client

_UUID, _TEXT = re.compile(r"<uuid:\w+>"), re.compile(r"<[^>]+>")
REFUSED = {
    401: {"invalid_token", "insufficient_user_authentication"},
    403: {"insufficient_scope"},
}

# Roles and scopes permit without asking the database. What an operation that is permitted asks it is asked on
# both by a caller who may do everything, below.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def path_of(one: Operation, known: str = "nothing") -> str:
    """An address of the operation, where nothing is unless `known` is."""
    return _TEXT.sub(known, _UUID.sub(str(new_id()), one.rule))


def ask(caller, one: Operation, known: str = "nothing"):
    # The body is wrong on purpose: a caller without the permission does not learn even that.
    more = {"json": {"nonsense": 1}} if one.body else {}
    return caller.ask(one.method, path_of(one, known), headers={"If-Match": '"x"'}, **more)


def allowed(caller) -> set[str]:
    """The operations that a caller is not refused, by name."""
    found = set()
    for one in OPERATIONS:
        response = ask(caller, one)
        if response.status_code in REFUSED:
            assert response.json["type"].removeprefix("urn:curfew:problem:") in REFUSED[response.status_code]
        else:
            assert response.status_code < 500, (one.name, response.get_data(as_text=True))
            found.add(one.name)
    return found


def needing(permissions) -> set[str]:
    return {one.name for one in OPERATIONS if one.permission in permissions}


def test_every_address_below_the_root_is_an_operation_or_the_description():
    described = {(one.method, ROOT + one.rule) for one in OPERATIONS}
    others = [r for r in GROUP.routes if (r.methods[0], r.rule) not in described]

    assert [route.rule for route in others] == [f"{ROOT}/openapi.json", f"{ROOT}/docs"]
    assert {route.speaks for route in GROUP.routes if route.name != "docs"} == {Speaks.PROBLEM}
    assert len({one.name for one in OPERATIONS}) == len(OPERATIONS)


def test_whatever_changes_something_needs_more_than_to_read():
    reading = {Permission.READ, Permission.READ_AUDIT}

    assert all((one.permission in reading) == (one.method == "GET") for one in OPERATIONS)
    assert all(one.fresh for one in OPERATIONS if one.permission in DANGEROUS and one.method != "GET")


def test_without_a_token_nothing_is_answered(app, as_person, ada):
    anonymous = as_person(ada, None)
    anonymous.token = None

    for one in OPERATIONS:
        response = ask(anonymous, one)
        assert (response.status_code, response.mimetype) == (401, "application/problem+json"), one.name
        assert response.headers["WWW-Authenticate"].startswith("Bearer realm")


@ON_SQLITE
@pytest.mark.parametrize("role", [None, *Role])
def test_a_person_may_do_what_their_role_permits(as_person, ada, role):
    assert allowed(as_person(ada, role)) == needing(permissions_of(role))


@ON_SQLITE
def test_a_service_may_do_what_its_scopes_permit(as_service):
    for number, permission in enumerate(Permission):
        assert allowed(as_service(str(permission), client_id=f"robot-{number}")) == needing({permission})


def test_a_persons_token_has_no_more_than_its_scopes(as_person, cleo):
    caller = as_person(cleo, Role.ADMINISTRATOR, scope=str(Permission.READ))

    assert allowed(caller) == needing({Permission.READ})


def test_a_refusal_does_not_tell_what_exists(as_person, ada):
    make_client("red")
    caller = as_person(ada, None)

    for one in OPERATIONS:
        there, missing = (ask(caller, one, known).json for known in ("red", "nothing"))
        assert {**there, "instance": ""} == {**missing, "instance": ""}


def test_a_dangerous_act_needs_a_recent_sign_in(admin, as_service, turned_clock):
    turned_clock.turn(timedelta(minutes=11))

    for one in OPERATIONS:
        response = ask(admin, one)
        assert (response.status_code == 401) == one.fresh, one.name
        if one.fresh:
            assert response.json["type"] == "urn:curfew:problem:insufficient_user_authentication"
            assert 'max_age="600"' in response.headers["WWW-Authenticate"]
    # A service has proven itself a moment ago, and has no sign-in.
    assert allowed(as_service()) == {one.name for one in OPERATIONS}


def test_a_role_that_is_taken_away_is_gone_at_once(admin, cleo):
    assert admin.get("/clients")
    with transaction():
        cleo.role = None

    assert admin.get("/clients", 403)


@pytest.mark.parametrize(
    "lose",
    [
        pytest.param(lambda client: setattr(client, "self_registered", True), id="it registered itself"),
        pytest.param(
            lambda client: setattr(client, "registered", client.registered | {"scope": "openid"}),
            id="the scope was taken from it",
        ),
    ],
)
def test_a_client_that_loses_the_right_has_lost_it_at_once(admin, tool, lose):
    with transaction():
        lose(db.session.get(Client, tool.client.id))

    assert admin.get("/clients", 403)


@pytest.mark.spec("SEC-1006")
@pytest.mark.parametrize(
    ("audience", "code"),
    [
        pytest.param(["http://localhost:8900"], 200, id="for us"),
        pytest.param(["https://api.test"], 401, id="for another"),
        pytest.param(["http://localhost:8900", "https://api.test"], 401, id="for us and another"),
    ],
)
def test_a_token_that_others_are_sent_too_is_refused(admin, audience, code):
    with transaction():
        token = db.session.query(AccessToken).one()
        token.audience = audience

    admin.get("/clients", code)


def test_a_token_that_is_bound_to_a_key_does_not_work_without_it(admin):
    with transaction():
        db.session.query(AccessToken).one().cnf = {"jkt": "x" * 43}

    admin.get("/clients", 401)


def test_an_ended_session_ends_the_token(admin, cleo):
    with transaction():
        cleo.epoch += 1

    admin.get("/clients", 401)


def test_too_many_requests_learn_when_to_come_back(app, admin):
    limited = replace(current.settings(), admin_request_limit="2 per minute")
    current.install(app, replace(current.services(), settings=limited))

    responses = [admin.ask("GET", "/clients") for _ in range(3)]

    assert [one.status_code for one in responses] == [200, 200, 429]
    assert responses[2].headers["Retry-After"] == "10"

"""A client's tokens for itself end with its credential, and an operator sees and ends them."""

import json
from datetime import timedelta

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.clients import change
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.protocol.client_registration import read_registration
from provider.tokens.models import AccessToken
from tests.endpoints.test_token_exchange import Service
from tests.support.command import run_curfew
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty

KEYS = [ECKey.generate_key("P-256", {"kid": name}).as_dict(private=False) for name in ("A", "B", "C")]


class Robot(RelyingParty):
    """A service that asks for tokens of its own."""

    def __init__(self, app, client_id="robot", **made) -> None:
        usual = {"grant_types": ["client_credentials"], "redirect_uris": None, "scope": "jobs logs"}
        super().__init__(app, client_id, **(usual | made))

    def token(self) -> str:
        return self.post("/token", grant_type="client_credentials").json["access_token"]


@pytest.fixture
def robot(app):
    return Robot(app)


@pytest.fixture
def lives(rp):
    """Return whether a token is accepted, as a resource server asks."""
    return lambda token: rp.introspect(token)["active"]


def curfew(*arguments) -> dict | list:
    return json.loads(run_curfew(*arguments, "--json"))


def test_service_tokens_end_with_the_secret(robot, lives):
    token = robot.token()

    said = curfew("client", "rotate-secret", "robot")

    assert said["service_tokens_ended"] == 1
    assert not lives(token)
    # The old secret works on for the overlap.
    assert lives(robot.token())


def test_they_can_be_kept(robot, lives):
    token = robot.token()

    assert curfew("client", "rotate-secret", "robot", "--keep-tokens")["service_tokens_ended"] == 0

    assert lives(token)


def test_a_token_got_by_the_replaced_secret_ends_with_it(robot, lives, turned_clock):
    with transaction():
        change.rotate_secret(robot.client, overlap=timedelta(minutes=5))
    response = robot.post("/token", grant_type="client_credentials").json
    assert response["expires_in"] == 300
    turned_clock.turn(timedelta(minutes=5))

    assert not lives(response["access_token"])


def test_a_service_token_of_the_previous_release_ends_with_the_secret(robot, lives):
    token = robot.token()
    with transaction():
        db.session.scalars(select(AccessToken)).one().credentials_epoch = None
    assert lives(token)

    run_curfew("client", "rotate-secret", "robot")

    assert not lives(token)


def test_what_a_service_took_in_exchange_ends_with_its_secret(app, rp, signed_in):
    api = Service(app)
    tokens = rp.sign_in(signed_in)
    exchanged = api.taken(tokens["access_token"])["access_token"]

    run_curfew("client", "rotate-secret", "api")

    assert api.userinfo(exchanged).status_code == 401
    # What the person allowed the other app is none of the service's.
    assert rp.userinfo(tokens["access_token"]).status_code == 200


def test_what_a_person_allowed_outlives_the_secret(rp, signed_in):
    tokens = rp.sign_in(signed_in)

    run_curfew("client", "rotate-secret", "red")

    assert rp.userinfo(tokens["access_token"]).status_code == 200


CHANGES = [
    pytest.param({"token_endpoint_auth_method": "client_secret_post"}, True, id="another method"),
    pytest.param({"jwks": {"keys": KEYS[:1]}}, True, id="a key is taken away"),
    pytest.param({"jwks": None, "jwks_uri": "https://robot.test/keys"}, True, id="keys are elsewhere"),
    pytest.param({"client_name": "Robot"}, False, id="another name"),
    pytest.param({"jwks": {"keys": KEYS}}, False, id="a key more"),
]


@pytest.mark.parametrize(("changed", "ends"), CHANGES)
def test_a_withdrawn_credential_ends_them(app, lives, changed, ends):
    robot = Robot(app, jwks={"keys": KEYS[:2]})
    token = robot.token()

    with transaction():
        registered = {n: v for n, v in (robot.client.registered | changed).items() if v is not None}
        change.update(robot.client, read_registration(registered))

    assert lives(token) is not ends


def test_a_client_that_was_disabled_does_not_get_them_back(robot, lives):
    token = robot.token()
    run_curfew("client", "update", "robot", "--disable")
    run_curfew("client", "update", "robot", "--enable")

    assert not lives(token)
    assert lives(robot.token())


def test_an_update_may_keep_them(robot, lives):
    token = robot.token()
    method = ("--token-endpoint-auth-method", "client_secret_post")

    run_curfew("client", "update", "robot", *method, "--keep-tokens")

    assert lives(token)


def test_dry_runs_count_them(app, robot, signed_in, rp):
    Robot(app, "other").token()
    robot.token()
    rp.sign_in(signed_in)
    later = (clock.now() + timedelta(seconds=2)).isoformat()

    def counted(*arguments):
        return curfew("logout", *arguments, "--dry-run")["service_tokens"]

    assert counted("client", "robot") == 1
    assert counted("client", "red") == 0
    assert counted("everybody") == 2
    assert counted("before", later) == 2
    assert counted("before", "2020-01-01T00:00Z") == 0


def test_a_client_that_is_logged_out_loses_them(robot, lives):
    token = robot.token()

    run_curfew("logout", "client", "robot", "--yes")

    assert not lives(token)
    assert curfew("token", "list") == []


def test_an_operator_lists_them(app, robot, signed_in, rp):
    rp.sign_in(signed_in)
    Robot(app, "other", scope="jobs").token()
    robot.token()

    assert [(one["client_id"], one["scope"]) for one in curfew("token", "list")] == [
        ("robot", "jobs logs"),
        ("other", "jobs"),
    ]
    assert [one["client_id"] for one in curfew("token", "list", "--limit", "1")] == ["robot"]
    (one,) = curfew("token", "list", "--client", "other")
    assert one.keys() == {"id", "client_id", "scope", "audience", "bound_to", "created_at", "expires_at"}
    assert "jobs logs" in run_curfew("token", "list", "--client", "robot")


def test_an_operator_revokes_one_or_all_of_a_client(app, robot, lives):
    first, second, other = robot.token(), robot.token(), Robot(app, "other").token()
    newest, _oldest = curfew("token", "list", "--client", "robot")

    assert curfew("token", "revoke", newest["id"]) == {"client_id": "robot", "revoked": 1}
    assert [lives(first), lives(second)] == [True, False]

    assert curfew("token", "revoke", "--client", "robot", "--yes") == {"client_id": "robot", "revoked": 1}
    assert [lives(first), lives(other)] == [False, True]
    end_read()
    entries = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "token_revoked"))
    assert {entry.client_id for entry in entries} == {"robot"}


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60",), id="an unknown token"),
        pytest.param(("--client", "nobody", "--yes"), id="an unknown client"),
        pytest.param((), id="nothing"),
    ],
)
def test_what_cannot_be_revoked_is_refused(robot, arguments):
    with pytest.raises(AssertionError, match=r"curfew: there is no|name either"):
        run_curfew("token", "revoke", *arguments)

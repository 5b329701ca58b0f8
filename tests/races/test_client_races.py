"""Clients that are changed by an operator while they are answered."""

from functools import partial

from sqlalchemy import func, select

from provider.admin_api.operation import ROOT
from provider.administration import resources as acts
from provider.clients import change as clients
from provider.clients import resources
from provider.clients.models import Client
from provider.clients.problems import list_problems
from provider.clients.queries import get_by_client_id
from provider.clients.secrets import check_secret
from provider.grants.models import Grant
from provider.infrastructure.database import db, transaction
from provider.protocol.client_registration import read_registration
from tests.races.at_once import ON_POSTGRESQL, ROUNDS, at_once, just_before
from tests.support.browsers import query_of
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty

pytestmark = ON_POSTGRESQL


def living_grants(client_id: str) -> int:
    end_read()
    held = select(func.count()).select_from(Grant).join(Client, Client.id == Grant.client_id)
    return db.session.scalar(held.where(Client.client_id == client_id, Grant.revoked_at.is_(None))) or 0


def without(app, client_id: str, **registered):
    """An operator's change to what a client registered."""

    def change() -> None:
        with app.app_context(), transaction():
            client = get_by_client_id(client_id)
            clients.update(client, read_registration(client.registered | registered))

    return change


def disabled(app, client_id: str):
    def change() -> None:
        with app.app_context(), transaction():
            clients.disable(get_by_client_id(client_id))

    return change


def test_a_redirect_uri_that_is_taken_away_while_the_app_is_answered(app, rp, signed_in):
    change = without(app, "red", redirect_uris=["https://red.test/new"])

    with just_before("UPDATE session SET", change):
        response = rp.authorize(signed_in)

    assert response.status_code == 400
    assert "Location" not in response.headers
    assert living_grants("red") == 0


def test_refusals_at_the_same_instant_are_counted_each(app, rp):
    def fail() -> int:
        with app.test_client(use_cookies=False) as http:
            return http.post("/introspect", auth=("red", "wrong-secret-of-red")).status_code

    assert at_once(*[fail] * 8) == [401] * 8

    end_read()
    assert [problem.count for problem in list_problems(rp.client)] == [8]


def test_a_scope_that_is_taken_away_while_the_app_is_answered(app, rp, signed_in):
    change = without(app, "red", scope="openid")

    with just_before("UPDATE session SET", change):
        code = query_of(rp.authorize(signed_in, scope="openid email"))

    assert code.get("error") == "invalid_scope" or rp.exchange(code["code"]).json["scope"] == "openid"


def test_a_client_that_is_disabled_while_it_is_answered(app, rp, signed_in):
    with just_before("UPDATE session SET", disabled(app, "red")):
        response = rp.authorize(signed_in)

    assert response.status_code == 400
    assert living_grants("red") == 0


def test_a_client_that_is_changed_harmlessly_is_answered(app, rp, signed_in):
    with just_before("UPDATE session SET", without(app, "red", client_name="Crimson")):
        code = rp.code(signed_in)

    assert rp.exchange(code).status_code == 200


def rotated(app, client_id: str):
    def change() -> None:
        with app.app_context(), transaction():
            clients.rotate_secret(get_by_client_id(client_id))

    return change


def test_a_secret_that_is_rotated_while_a_service_token_is_issued(app, rp):
    """The client was proven by the secret as it was: what it gets for that is dead when it comes."""
    robot = RelyingParty(app, "robot", grant_types=["client_credentials"], redirect_uris=None, scope="jobs")

    with just_before("INSERT INTO access_token", rotated(app, "robot")):
        token = robot.post("/token", grant_type="client_credentials").json["access_token"]

    assert not rp.introspect(token)["active"]


def test_two_rotations_at_once_give_two_secrets_that_work(rp, do):
    for _ in range(ROUNDS // 2):
        rotate = do(clients.rotate_secret, rp.client)

        secrets = at_once(rotate, rotate)

        end_read()
        client = get_by_client_id("red")
        assert all(check_secret(client, secret) for secret in secrets)


def test_a_resource_server_is_removed_only_as_it_was_read(admin, do):
    """A change at the same moment either comes first, and the removal is refused, or finds nothing."""
    for number in range(ROUNDS):
        identifier = f"urn:api:{number}"
        made = admin.post("/resources", {"identifier": identifier, "name": "before"}, 201)
        path = f"/resources/{made['id']}"
        headers = {"Authorization": f"Bearer {admin.token}", "If-Match": admin.etag(path)}
        remove = partial(admin.http.delete, ROOT + path, headers=headers)

        removed, was_changed = at_once(remove, do(rename, identifier))

        assert removed.status_code == (412 if was_changed else 204)


def rename(identifier: str) -> bool:
    found = resources.find_many([identifier], lock=True)
    for one in found.values():
        acts.update(one, name="after")
    return bool(found)

"""The list of what a person has allowed, and how it is taken back."""

import pytest
from sqlalchemy import select

from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.logout.end_session import end
from provider.logout.models import Logout, LogoutReason
from provider.logout.steps import Cause
from tests.factories import make_client, make_session
from tests.support.reads import end_read

BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")


def grants_of(rp, token, **query) -> dict:
    response = rp.call("GET", "/account/grants", token, query_string=query)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.json


def revoke(rp, token, grant_id):
    return rp.call("DELETE", f"/account/grants/{grant_id}", token)


def test_a_person_sees_what_they_allowed(rp, ada, ben, token):
    make_session(ada, [make_client("green")], offline=("green",))
    make_session(ben, [rp.client])

    green, red = grants_of(rp, token)["grants"]

    assert green["app"] == {"client_id": "green", "name": "Green"}
    assert (green["offline"], green["current"]) == (True, False)
    assert (red["offline"], red["current"], red["scope"]) == (False, True, "openid account")
    assert green["until"] > green["created_at"]


def test_a_grant_lives_as_long_as_it_is_of_use(rp, ada, token):
    made = make_session(ada, [make_client("green"), make_client("blue")], offline=("green",))
    with transaction():
        end(made.session, BY_ADA)

    assert [grant["app"]["client_id"] for grant in grants_of(rp, token)["grants"]] == ["green", "red"]


def test_it_is_read_page_by_page(rp, ada, token):
    make_session(ada, [make_client(f"app{number}") for number in range(3)])

    first = grants_of(rp, token, limit=3)
    second = grants_of(rp, token, limit=3, after=first["next"])

    assert (len(first["grants"]), len(second["grants"]), second["next"]) == (3, 1, None)
    assert not {grant["id"] for grant in first["grants"]} & {grant["id"] for grant in second["grants"]}


def test_a_grant_is_revoked_and_its_app_is_notified(rp, ada, token):
    made = make_session(ada, [make_client("green")], offline=("green",))
    grant_id = made.grants["green"].id

    assert [revoke(rp, token, grant_id).status_code for _ in range(2)] == [204, 204]

    end_read()
    logout = db.session.scalars(select(Logout)).one()
    assert (logout.reason, logout.scope, logout.notifications) == ("consent_withdrawn", "app", 1)
    assert [grant["app"]["client_id"] for grant in grants_of(rp, token)["grants"]] == ["red"]


@pytest.mark.spec("SEC-801")
def test_another_persons_grant_looks_like_none(rp, ben, token):
    theirs = make_session(ben, [make_client("green")]).grants["green"]

    foreign, unknown = revoke(rp, token, theirs.id), revoke(rp, token, new_id())

    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json == unknown.json
    db.session.refresh(theirs)
    assert theirs.revoked_at is None


def test_a_list_costs_the_same_however_many_there_are(rp, ada, token, statements):
    with statements() as few:
        grants_of(rp, token)
    make_session(ada, [make_client(f"app{number}") for number in range(6)])
    with statements() as many:
        grants_of(rp, token)

    assert len(few) == len(many) <= 2, many

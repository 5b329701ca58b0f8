"""A client's name for a person (core §8): one name everywhere, and one for each sector if it wants."""

import jwt
import pytest
from sqlalchemy import select

from provider.infrastructure.database import db
from provider.logout.notice import SUB
from tests.factories import make_account, make_session
from tests.support.browsers import show_session
from tests.support.relying_party import RelyingParty

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def sub_in(tokens: dict[str, str]) -> str:
    return jwt.decode(tokens["id_token"], options={"verify_signature": False})["sub"]


@pytest.fixture
def ada():
    return make_account()


@pytest.mark.spec("core 19, core 15, backchannel OP 12")
@pytest.mark.parametrize("subject_type", ["public", "pairwise"])
def test_every_response_calls_the_person_by_the_same_name(app, http, ada, subject_type):
    red = RelyingParty(app, "red", subject_type=subject_type)
    show_session(http, make_session(ada))
    tokens = red.sign_in(http)
    sub = sub_in(tokens)

    assert (sub == ada.sub) is (subject_type == "public")
    assert red.userinfo(tokens["access_token"]).json["sub"] == sub
    assert red.introspect(tokens["access_token"])["sub"] == sub
    assert sub_in(red.refresh(tokens["refresh_token"]).json) == sub

    http.get("/session/end", query_string={"id_token_hint": tokens["id_token"]})
    assert db.session.scalars(select(SUB)).all() == [sub]


@pytest.mark.spec("core 19")
@pytest.mark.parametrize(
    ("redirect_uri", "same"),
    [
        pytest.param("https://red.test/elsewhere", True, id="another client of the same host"),
        pytest.param("https://green.test/callback", False, id="a client of another host"),
    ],
)
def test_only_clients_of_one_sector_know_a_person_by_one_name(app, http, ada, redirect_uri, same):
    red = RelyingParty(app, "red", subject_type="pairwise")
    other = RelyingParty(app, "other", subject_type="pairwise", redirect_uris=[redirect_uri])
    show_session(http, make_session(ada))

    assert (sub_in(red.sign_in(http)) == sub_in(other.sign_in(http))) is same


@pytest.mark.spec("core 19")
def test_the_subject_is_stable_and_unique(app, browser, ada):
    red = RelyingParty(app, "red", subject_type="pairwise")
    people = [ada, ada, make_account("ben")]

    subs = [sub_in(red.sign_in(show_session(browser(), make_session(person)))) for person in people]

    assert subs[0] == subs[1] != subs[2]

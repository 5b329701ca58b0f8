"""The list of a person's sessions, and the end of one."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from provider.delivery.models import Delivery
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.logout.everywhere import end_everywhere
from provider.logout.models import Logout, LogoutReason
from provider.logout.steps import Cause
from provider.sessions.queries import find_live
from tests.factories import make_client, make_session
from tests.support.browsers import query_of, show_session
from tests.support.reads import end_read
from tests.support.relying_party import press

BY_BEN = Cause(reason=LogoutReason.USER, initiator="account")


def sessions_of(rp, token, **query) -> dict:
    response = rp.call("GET", "/account/sessions", token, query_string=query)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.json


def end(rp, token, session_id):
    return rp.call("DELETE", f"/account/sessions/{session_id}", token)


def only_logout() -> Logout:
    end_read()
    return db.session.scalars(select(Logout)).one()


@pytest.mark.spec("SEC-716")
def test_a_person_sees_where_they_are_signed_in(rp, ada, ben, token):
    elsewhere = make_session(ada, [make_client("green")])
    make_session(ben)

    body = sessions_of(rp, token)

    assert body["next"] is None
    there, here = body["sessions"]
    assert (there["current"], here["current"]) == (False, True)
    assert there["id"] == str(elsewhere.session.id)
    assert (there["device"], there["is_device"], there["ip"]) == ("Firefox on Linux", False, "192.0.2.1")
    assert there["apps"] == [{"client_id": "green", "name": "Green"}]
    assert {"created_at", "last_seen_at", "ends_at"} <= set(there)
    assert elsewhere.handle not in str(body)
    assert elsewhere.client_sessions["green"].sid not in str(body)


def test_what_is_over_is_not_listed(rp, ada, token, turned_clock):
    made = make_session(ada)
    end(rp, token, made.session.id)

    assert len(sessions_of(rp, token)["sessions"]) == 1


def test_it_is_read_page_by_page(rp, ada, token):
    made = [str(make_session(ada).session.id) for _ in range(4)]
    seen, after = [], {}

    while True:
        body = sessions_of(rp, token, limit="2", **after)
        assert len(body["sessions"]) <= 2
        seen += [session["id"] for session in body["sessions"]]
        if body["next"] is None:
            break
        after = {"after": body["next"]}

    assert len(seen) == len(set(seen)) == 5
    assert seen[:4] == sorted(made, reverse=True)


@pytest.mark.spec("ABU-54")
@pytest.mark.parametrize("path", ["/account/sessions", "/account/grants"])
@pytest.mark.parametrize(
    "query",
    [
        {"after": "1"},
        {"after": "' OR 1=1 --"},
        {"after": "{01890000-0000-7000-8000-000000000000}"},
        {"after": "urn:uuid:01890000-0000-7000-8000-000000000000"},
        {"after": "01890000000070008000000000000000"},
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "-1"},
        {"limit": "٣"},
        {"limit": "9" * 50},
        {"limit": ["1", "2"]},
    ],
    ids=str,
)
def test_a_cursor_or_limit_that_we_did_not_give_is_refused(rp, token, path, query):
    response = rp.call("GET", path, token, query_string=query)

    assert (response.status_code, response.json["error"]) == (400, "invalid_request")


def test_another_persons_cursor_shows_nothing_of_theirs(rp, ada, ben, token):
    """SEC-801: the cursor is a place in the order and no more."""
    theirs = make_session(ben)

    seen = sessions_of(rp, token, after=str(theirs.session.id))["sessions"]

    assert [session["current"] for session in seen] == [True]


def test_one_session_ends_and_the_others_live(rp, ada, token):
    made = make_session(ada, [make_client("green")])

    assert end(rp, token, made.session.id).status_code == 204

    logout = only_logout()
    assert (logout.reason, logout.scope, logout.initiator) == ("user", "browser", "account")
    assert (logout.initiator_client_id, logout.notifications) == ("red", 1)
    assert find_live(made.handle) is None
    assert sessions_of(rp, token)["sessions"][0]["current"]


def test_the_second_time_changes_nothing(rp, ada, token):
    made = make_session(ada, [make_client("green")])

    assert [end(rp, token, made.session.id).status_code for _ in range(2)] == [204, 204]

    assert len(list(db.session.scalars(select(Delivery)))) == 1
    assert only_logout().sessions_ended == 1


def test_a_person_may_end_the_session_they_speak_from(rp, token):
    own = sessions_of(rp, token)["sessions"][0]["id"]

    assert end(rp, token, own).status_code == 204
    assert end(rp, token, own).status_code == 401


@pytest.mark.spec("SEC-801")
def test_another_persons_session_looks_like_none(rp, ben, token):
    theirs = make_session(ben)

    foreign, unknown = end(rp, token, theirs.session.id), end(rp, token, new_id())

    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json == unknown.json
    assert find_live(theirs.handle) is not None


def test_another_persons_ended_session_looks_like_none_too(rp, ben, token):
    theirs = make_session(ben)
    with transaction():
        end_everywhere(ben, BY_BEN)

    assert end(rp, token, theirs.session.id).status_code == 404


def test_a_list_costs_the_same_however_many_there_are(rp, ada, token, statements):
    with statements() as few:
        sessions_of(rp, token)
    for number in range(6):
        make_session(ada, [make_client(f"app{number}")])
    with statements() as many:
        sessions_of(rp, token)

    assert len(few) == len(many) <= 3, many


def test_an_expired_session_is_not_listed(rp, ada, turned_clock, signs_in):
    make_session(ada)
    turned_clock.turn(timedelta(hours=2))
    token = signs_in(ada)["access_token"]

    assert len(sessions_of(rp, token)["sessions"]) == 1


def test_all_other_sessions_are_ended_and_offline_grants_live_on(rp, ada, ben, token):
    green = make_client("green")
    others = [make_session(ada, [green], offline=("green",)), make_session(ada)]
    bens = make_session(ben)

    for _ in range(2):
        response = rp.call("DELETE", "/account/sessions", token)
        assert (response.status_code, response.data) == (204, b"")

    end_read()
    assert not any(find_live(made.handle) for made in others)
    assert find_live(bens.handle)
    assert [one["current"] for one in sessions_of(rp, token)["sessions"]] == [True]
    logout = only_logout()
    assert (logout.scope, logout.sessions_ended, logout.grants_surviving) == ("others", 2, 1)
    assert logout.initiator_client_id == "red"


def test_a_token_whose_own_session_has_ended_keeps_none_and_so_ends_none(rp, ada, http):
    own, other = make_session(ada), make_session(ada)
    asked = rp.authorize(show_session(http, own), scope="openid account offline_access", prompt="consent")
    code = query_of(press(http, asked, "allow"))["code"]
    offline = rp.exchange(code).json["access_token"]
    end(rp, offline, own.session.id)

    response = rp.call("DELETE", "/account/sessions", offline)

    assert (response.status_code, response.json["code"]) == (422, 9000)
    assert find_live(other.handle)

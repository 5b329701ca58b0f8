"""The sessions that have ended, in whatever order sign-in and sign-out reach the processes of an app."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from curfew_rp import SessionIndex, SignIn

ISSUER = "https://id.example"
ROUNDS = 25


@pytest.fixture
def index(store):
    """Sessions in a store of each kind."""
    return SessionIndex(store, issuer=ISSUER, client_id="shop")


def sign_in(sub="ada", sid="sid-1", ago=0.0, iss=ISSUER):
    return SignIn(iss=iss, sub=sub, sid=sid, issued_at=time.time() - ago)


def test_a_logout_by_sid_ends_that_session_alone(index):
    here, there = sign_in(), sign_in(sid="sid-2")
    assert index.remember(here, "local-1")
    assert index.remember(there, "local-2")

    assert index.end(sub="ada", sid="sid-1", at=time.time()) == ["local-1"]

    assert [index.is_live(here), index.is_live(there)] == [False, True]


def test_a_logout_by_sub_ends_all_sessions_of_the_person(index):
    sessions = {"local-1": sign_in(), "local-2": sign_in(sid="sid-2"), "local-3": sign_in(sid=None)}
    for local_id, session in sessions.items():
        index.remember(session, local_id)
    ben = sign_in(sub="ben", sid="sid-3")
    index.remember(ben, "local-4")

    assert sorted(index.end(sub="ada", sid=None, at=time.time())) == list(sessions)

    assert not any(map(index.is_live, sessions.values()))
    assert index.is_live(ben)


def test_a_logout_by_sub_does_not_end_a_later_sign_in(index):
    at = time.time() - 30

    index.end(sub="ada", sid=None, at=at)
    index.end(sub="ada", sid=None, at=at - 60)

    assert index.remember(sign_in(ago=10), "local-1")
    assert not index.remember(sign_in(sid="sid-2", ago=40), "local-2")


def test_a_logout_that_arrives_before_the_callback_ends_the_session(index):
    session = sign_in()

    assert index.end(sub="ada", sid="sid-1", at=time.time()) == []

    assert not index.remember(session, "local-1")
    assert not index.is_live(session)
    assert index.end(sub="ada", sid="sid-1", at=time.time()) == []


def test_a_session_without_a_sid_ends_with_any_of_the_person(index):
    """A provider may put a sid into Logout Tokens alone: which session it is remains unknown."""
    old, other = sign_in(sid=None, ago=10), sign_in(sid="sid-2", ago=10)
    index.remember(old, "local-1")
    index.remember(other, "local-2")

    assert index.end(sub="ada", sid="sid-1", at=time.time() - 5) == ["local-1"]

    assert [index.is_live(old), index.is_live(other)] == [False, True]
    assert index.is_live(sign_in(sid=None))


def test_what_the_app_has_deleted_is_not_reported_again(index):
    index.remember(sign_in(), "local-1")
    index.remember(sign_in(), "local-2")
    assert sorted(index.end(sub="ada", sid="sid-1", at=time.time())) == ["local-1", "local-2"]

    index.drop(sub="ada", sid="sid-1", local_ids=["local-1"])
    index.drop(sub="ada", sid="sid-1", local_ids=[])

    assert index.end(sub=None, sid="sid-1", at=time.time()) == ["local-2"]


def test_a_session_that_the_app_has_ended_is_not_reported(index):
    session = sign_in()
    index.remember(session, "local-1")

    index.forget(session, "local-1")

    assert index.end(sub="ada", sid="sid-1", at=time.time()) == []


def test_another_issuer_or_app_with_the_same_store_has_its_own_sessions(store):
    here = SessionIndex(store, issuer=ISSUER, client_id="shop")
    other_app = SessionIndex(store, issuer=ISSUER, client_id="blog")
    other_issuer = SessionIndex(store, issuer="https://other.example", client_id="shop")

    other_app.end(sub="ada", sid="sid-1", at=time.time())
    other_issuer.end(sub="ada", sid=None, at=time.time())

    assert here.is_live(sign_in())
    assert not here.is_live(sign_in(iss="https://other.example"))


def test_a_session_is_not_live_for_ever(store):
    index = SessionIndex(store, issuer=ISSUER, client_id="shop", session_lifetime=timedelta(hours=1))

    assert index.is_live(sign_in(ago=3500))
    assert not index.is_live(sign_in(ago=3700))


def test_a_sid_of_another_person_is_recognised(index):
    index.remember(sign_in(), "local-1")

    assert index.is_other_subject("ben", "sid-1")
    assert not index.is_other_subject("ada", "sid-1")
    assert not index.is_other_subject("ben", "unknown")


def test_whatever_a_provider_names_its_sessions(index):
    odd = sign_in(sub="a b\n\t" + "ü" * 200, sid="{}:*?" + "x" * 200)

    assert index.remember(odd, "local-1")
    assert index.end(sub=odd.sub, sid=odd.sid, at=time.time()) == ["local-1"]
    assert not index.is_live(odd)


def test_a_session_never_outlives_a_logout_at_the_same_moment(another_store):
    """Either the sign-in learns that it has ended, or the logout finds its local session: never neither."""
    signing_in, ending = (SessionIndex(another_store(), issuer=ISSUER, client_id="shop") for _ in range(2))
    gate = threading.Barrier(2)

    def begin(session):
        gate.wait()
        return signing_in.remember(session, "local-1")

    def end(session):
        gate.wait()
        return ending.end(sub="ada", sid=session.sid, at=time.time())

    with ThreadPoolExecutor(2) as pool:
        for number in range(ROUNDS):
            session = sign_in(sid=f"sid-{number}")
            begun, ended = pool.submit(begin, session), pool.submit(end, session)
            assert not begun.result() or ended.result() == ["local-1"]
            assert not signing_in.is_live(session)


@pytest.mark.parametrize("local_id", ["", "x" * 129, "a\0b"])
def test_a_local_id_is_a_short_text(store, local_id):
    index = SessionIndex(store, issuer=ISSUER, client_id="shop")

    with pytest.raises(ValueError, match="a local id is a text of 1 to 128 characters"):
        index.remember(sign_in(), local_id)


def test_a_sign_in_is_kept_as_json():
    session = SignIn.from_claims({"iss": ISSUER, "sub": "ada", "sid": "1", "iat": 1_700_000_000, "more": 1})

    assert SignIn.from_dict(session.as_dict()) == session


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(None, id="nothing"),
        pytest.param("ada", id="a text"),
        pytest.param({"iss": ISSUER, "sub": "ada"}, id="no instant"),
        pytest.param({"iss": ISSUER, "sub": 7, "issued_at": 1}, id="sub is a number"),
        pytest.param({"iss": ISSUER, "sub": "ada", "sid": [], "issued_at": 1}, id="sid is a list"),
        pytest.param({"iss": ISSUER, "sub": "ada", "issued_at": "now"}, id="the instant is a text"),
    ],
)
def test_what_is_not_a_sign_in_is_none(stored):
    assert SignIn.from_dict(stored) is None


def test_a_lifetime_is_longer_than_nothing(store):
    with pytest.raises(ValueError, match="session_lifetime must be greater than zero"):
        SessionIndex(store, issuer=ISSUER, client_id="shop", session_lifetime=timedelta(0))

"""An app's record of a sign-in, and where it sends people."""

import time
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from curfew_rp import StoreUnavailable
from curfew_rp.app_session import AppSessions, SignInRefused, local_path, user_of
from curfew_rp.receiver import make_receiver
from curfew_rp.stores.redis import RedisStore
from tests.kit.other_provider import CLIENT_ID

HERE = "https://shop.example/signed-out"


@pytest.fixture
def sessions(provider):
    return AppSessions(make_receiver(issuer=provider.issuer, client_id=CLIENT_ID, store="memory:"))


def claims(provider, **changes):
    now = int(time.time())
    return {
        "iss": provider.issuer,
        "sub": "ada",
        "sid": "sid-1",
        "iat": now,
        "name": "Ada Lovelace",
        **changes,
    }


def test_a_sign_in_is_kept_until_the_provider_ends_it(sessions, provider):
    session = {"cart": ["a book"]}
    assert sessions.begin(session, claims(provider, picture="x" * 9000), "id.token.text")
    user = user_of(session)
    assert (user.name, user.sign_in.sid, user.id_token) == ("Ada Lovelace", "sid-1", "id.token.text")
    assert "picture" not in user.claims
    assert sessions.check(session)

    assert sessions.index.end(sub="ada", sid="sid-1", at=time.time()) == [user.local_id]

    assert not sessions.check(session)
    assert session == {}


def test_a_session_without_a_sign_in_is_left_alone(sessions):
    session = {"cart": ["a book"]}

    assert sessions.check(session)

    assert session == {"cart": ["a book"]}


def test_a_session_that_was_tampered_with_is_emptied(sessions):
    session = {"curfew_rp": {"iss": 1}}

    assert not sessions.check(session)

    assert session == {}


def test_a_copy_of_a_session_that_was_signed_out_is_refused(sessions, provider):
    session = {}
    sessions.begin(session, claims(provider))
    copy = dict(session)

    assert sessions.end(session).name == "Ada Lovelace"

    assert session == {}
    assert not sessions.check(copy)
    assert sessions.end({}) is None


def test_another_sign_in_ends_the_one_before_it(sessions, provider):
    session = {}
    sessions.begin(session, claims(provider))
    before = dict(session)

    sessions.begin(session, claims(provider, sub="ben", sid="sid-2", name=None, email="ben@example.test"))

    assert user_of(session).name == "ben@example.test"
    assert not sessions.check(before)


def test_a_sign_in_that_has_ended_meanwhile_is_not_begun(sessions, provider):
    sessions.index.end(sub="ada", sid="sid-1", at=time.time())
    session = {}

    assert not sessions.begin(session, claims(provider))

    assert session == {}


@pytest.mark.parametrize(
    "wrong", [{"iss": "https://another.example"}, {"sub": None}, {"iat": "now"}, {"sid": 1}]
)
def test_claims_that_name_no_sign_in_are_refused(sessions, provider, wrong):
    with pytest.raises(SignInRefused):
        sessions.begin({}, claims(provider, **wrong))


def test_a_person_signs_out_without_a_store(provider, tmp_path, caplog):
    store = RedisStore.from_url(f"unix://{tmp_path / 'nothing'}")
    sessions = AppSessions(make_receiver(issuer=provider.issuer, client_id=CLIENT_ID, store=store))
    session = {"curfew_rp": {**claims(provider), "issued_at": time.time(), "local_id": "1"}}

    with pytest.raises(StoreUnavailable):
        sessions.check(session)
    assert sessions.end(session) is not None

    assert session == {}
    assert "sign_out_not_shared" in caplog.text
    store.close()


def test_the_way_to_the_providers_sign_out(sessions, provider):
    provider.bend["/.well-known/openid-configuration"] = {
        "issuer": provider.issuer,
        "end_session_endpoint": f"{provider.issuer}/session/end?tenant=1",
    }
    session = {}
    sessions.begin(session, claims(provider), "id.token.text")

    url = sessions.end_session_url(user_of(session), HERE)

    assert url.startswith(f"{provider.issuer}/session/end?tenant=1&")
    assert parse_qs(urlsplit(url).query) == {
        "tenant": ["1"],
        "client_id": [CLIENT_ID],
        "post_logout_redirect_uri": [HERE],
        "id_token_hint": ["id.token.text"],
    }


def test_a_provider_without_a_sign_out_has_no_way_there(sessions):
    assert sessions.end_session_url(None, HERE) is None


@pytest.mark.spec("rfc9207 1")
@pytest.mark.parametrize(
    ("promised", "query", "accepted"),
    [
        pytest.param(True, "right", True, id="the issuer"),
        pytest.param(True, "wrong", False, id="another issuer"),
        pytest.param(True, None, False, id="none, though it was promised"),
        pytest.param(False, None, True, id="none, as of old"),
        pytest.param(False, "wrong", False, id="another issuer, though none was promised"),
    ],
)
def test_a_response_of_another_issuer_is_refused(sessions, provider, promised, query, accepted):
    provider.bend["/.well-known/openid-configuration"] = {
        "issuer": provider.issuer,
        "authorization_response_iss_parameter_supported": promised,
    }
    params = {"right": {"iss": provider.issuer}, "wrong": {"iss": "https://another.example"}}.get(query, {})

    if accepted:
        sessions.check_answer(params)
    else:
        with pytest.raises(SignInRefused, match="the response is of another issuer"):
            sessions.check_answer(params)


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ("/orders?id=1", "/orders?id=1"),
        (None, "/"),
        ("", "/"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("orders", "/"),
        pytest.param("/" + "a" * 1023, "/" + "a" * 1023, id="as long as may be"),
        pytest.param("/" + "a" * 1024, "/", id="too long"),
    ],
)
def test_a_link_leads_to_this_app_alone(asked, path):
    assert local_path(asked) == path


def test_a_session_ends_with_its_lifetime(provider):
    receiver = make_receiver(
        issuer=provider.issuer, client_id=CLIENT_ID, store="memory:", session_lifetime=timedelta(hours=1)
    )
    session = {}

    AppSessions(receiver).begin(session, claims(provider, iat=int(time.time()) - 3590))
    assert AppSessions(receiver).check(session)
    session["curfew_rp"]["issued_at"] -= 20

    assert not AppSessions(receiver).check(session)

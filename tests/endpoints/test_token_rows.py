"""The rows of the tokens of one sign-in: each hangs on the one that it came from, link by link."""

from datetime import timedelta

from sqlalchemy import inspect, select

from provider.infrastructure import current
from provider.infrastructure.database import db
from provider.tokens.models import AccessToken, AuthorizationCode, RefreshToken
from tests.endpoints.test_token import give_offline_access
from tests.support.reads import end_read


def rows(model, order) -> list[dict]:
    end_read()
    found = db.session.scalars(select(model).order_by(order), execution_options={"populate_existing": True})
    return [{column.key: getattr(row, column.key) for column in inspect(model).column_attrs} for row in found]


def test_a_code_a_refresh_token_and_an_access_token_hang_on_the_same_grant(story, turned_clock):
    begun = turned_clock()
    rp, tokens = story.rp, give_offline_access(story.rp, story.browser)

    (code,) = rows(AuthorizationCode, AuthorizationCode.id)
    (refresh_token,) = rows(RefreshToken, RefreshToken.id)
    (access_token,) = rows(AccessToken, AccessToken.id)
    session, settings = story.made.session, current.settings()
    assert code["client_id"] == refresh_token["client_id"] == access_token["client_id"] == rp.client.id
    for name in ("grant_id", "client_session_id"):
        assert code[name] == refresh_token[name] == access_token[name] is not None
    assert (code["redirect_uri"], code["scope"]) == (rp.redirect_uri, tokens["scope"])
    assert code["nonce"] == rp.request()["nonce"]
    assert code["code_challenge"] == rp.request()["code_challenge"]
    assert (code["request"]["amr"], code["request"]["acr"]) == (session.amr, session.acr)
    assert code["expires_at"] == begun + settings.code_lifetime
    assert code["used_at"] == begun
    for token in (refresh_token, access_token):
        assert token["family_id"] == code["id"]
        assert (token["scope"], token["offline"]) == ("openid offline_access", True)
        assert token["auth_time"] == session.authenticated_at
        assert (token["amr"], token["acr"]) == (session.amr, session.acr)
        assert (token["created_at"], token["revoked_at"], token["cnf"]) == (begun, None, None)
        assert token["claims"] is None
    assert (refresh_token["generation"], refresh_token["rotated_at"]) == (0, None)
    assert refresh_token["resources"] is None
    assert refresh_token["expires_at"] == begun + settings.refresh_token_idle_lifetime
    assert access_token["expires_at"] == begun + settings.access_token_lifetime
    assert (access_token["audience"], access_token["is_signed"]) == (None, False)
    assert (access_token["client_epoch"], access_token["provider_epoch"]) == (0, 0)
    of_an_actor = ("actor_id", "actor_epoch", "credentials_epoch")
    assert [access_token[name] for name in of_an_actor] == [None, None, None]


def test_each_refresh_adds_one_link_that_says_the_same(story, turned_clock):
    tokens = give_offline_access(story.rp, story.browser)
    for _ in range(2):
        turned_clock.turn(timedelta(days=1))
        tokens = story.rp.refresh(tokens["refresh_token"]).json

    chain = rows(RefreshToken, RefreshToken.generation)
    new = {"id", "digest", "generation", "created_at", "expires_at", "rotated_at"}
    assert [link["generation"] for link in chain] == [0, 1, 2]
    kept = [{name: value for name, value in link.items() if name not in new} for link in chain]
    assert kept[0] == kept[1] == kept[2]
    idle = current.settings().refresh_token_idle_lifetime
    assert [link["expires_at"] - link["created_at"] for link in chain] == [idle] * 3
    assert [link["rotated_at"] for link in chain] == [chain[1]["created_at"], chain[2]["created_at"], None]
    assert {one["family_id"] for one in rows(AccessToken, AccessToken.id)} == {chain[0]["family_id"]}


def test_what_hangs_on_a_session_ends_with_it_at_the_latest(story, turned_clock):
    tokens = story.rp.sign_in(story.browser)
    session = story.made.session
    # The session is used all the time, and is near its end.
    turned_clock.turn(session.expires_at - timedelta(minutes=7) - turned_clock())
    story.set(type(session), ends_at=session.expires_at)

    assert story.rp.refresh(tokens["refresh_token"]).json["expires_in"] == 7 * 60

    *_, last = rows(RefreshToken, RefreshToken.generation)
    assert last["expires_at"] == session.expires_at

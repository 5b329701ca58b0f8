"""Refresh tokens at `/token` as relying parties see them: rotation, repetition and replay."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from provider.delivery.models import Delivery
from provider.grants.models import Grant
from provider.infrastructure.database import db
from provider.sessions.models import ClientSession, Session
from provider.tokens.models import RefreshToken
from tests.endpoints.test_token import claims_of, give_offline_access, only, tags
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty


def count(model) -> int:
    end_read()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


@pytest.mark.spec("core 24")
def test_a_refreshed_id_token_repeats_the_sign_in(signed_in, rp, turned_clock):
    tokens = rp.sign_in(signed_in)
    _, before = claims_of(rp, tokens["id_token"])
    turned_clock.turn(timedelta(minutes=10))

    _, after = claims_of(rp, rp.refresh(tokens["refresh_token"]).json["id_token"])

    same = ("iss", "sub", "aud", "sid", "auth_time", "amr")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert after["iat"] == before["iat"] + 600
    assert "nonce" not in after


@pytest.mark.spec("rfc6749 §6")
def test_a_refresh_may_narrow_its_access_token_but_never_widen(signed_in, rp):
    tokens = rp.sign_in(signed_in)

    wider = rp.refresh(tokens["refresh_token"], scope="openid phone")
    narrower = rp.refresh(tokens["refresh_token"], scope="openid")
    again = rp.refresh(narrower.json["refresh_token"])

    assert wider.json["error"] == "invalid_scope"
    assert narrower.json["scope"] == "openid"
    assert again.json["scope"] == "openid profile email"


def test_a_refresh_token_is_its_own_clients(app, signed_in, rp):
    RelyingParty(app, "green")
    tokens = rp.sign_in(signed_in)

    assert rp.refresh(tokens["refresh_token"], by="green").json["error"] == "invalid_grant"
    assert rp.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.spec("core 22, rfc9700 2")
def test_a_repeated_refresh_gets_the_same_successor_for_a_moment(signed_in, rp, turned_clock):
    """DEC-10: an honest client whose response was lost is no thief."""
    tokens = rp.sign_in(signed_in)
    first = rp.refresh(tokens["refresh_token"]).json
    turned_clock.turn(timedelta(seconds=9))

    again = rp.refresh(tokens["refresh_token"]).json

    assert again["refresh_token"] == first["refresh_token"]
    assert again["access_token"] != first["access_token"]
    assert count(RefreshToken) == 2


@pytest.mark.parametrize(
    ("made", "seconds"),
    [
        pytest.param({}, 10, id="after ten seconds"),
        pytest.param({"public": True}, 0, id="a public client at once"),
        pytest.param({"settings": {"refresh_reuse_interval": timedelta(0)}}, 0, id="as the client wants it"),
    ],
)
def test_a_replayed_refresh_token_ends_the_grant_and_tells_the_client(
    app, signed_in, turned_clock, made, seconds
):
    """DEC-16."""
    rp = RelyingParty(app, **made)
    tokens = rp.sign_in(signed_in)
    thiefs = rp.refresh(tokens["refresh_token"]).json
    turned_clock.turn(timedelta(seconds=seconds))

    response = rp.refresh(tokens["refresh_token"])

    assert (response.status_code, response.json["error"]) == (400, "invalid_grant")
    assert rp.refresh(thiefs["refresh_token"]).json["error"] == "invalid_grant"
    assert rp.userinfo(thiefs["access_token"]).status_code == 401
    assert only(Grant).revoked_at is not None
    assert only(ClientSession).ended_at is not None
    assert only(Session).ended_at is None
    assert only(Delivery).sid == only(ClientSession).sid
    assert tags().count("refresh_replayed") == 1


def test_a_successor_that_was_used_is_not_answered_again(signed_in, rp, turned_clock):
    tokens = rp.sign_in(signed_in)
    first = rp.refresh(tokens["refresh_token"]).json
    rp.refresh(first["refresh_token"])

    assert rp.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    assert tags().count("refresh_replayed") == 1


def test_two_rotations_in_one_instant_are_two(signed_in, rp, turned_clock):
    """ABU-03: generations order them, not time."""
    tokens = rp.sign_in(signed_in)
    second = rp.refresh(rp.refresh(tokens["refresh_token"]).json["refresh_token"]).json

    end_read()
    generations = db.session.scalars(select(RefreshToken.generation).order_by(RefreshToken.generation))
    assert list(generations) == [0, 1, 2]
    assert rp.refresh(second["refresh_token"]).status_code == 200


def test_a_replay_after_a_logout_raises_no_alarm(story, turned_clock):
    tokens = story.rp.sign_in(story.browser)
    story.rp.refresh(tokens["refresh_token"])
    story.end_session()
    owed = count(Delivery)
    turned_clock.turn(timedelta(minutes=1))

    assert story.rp.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    assert "refresh_replayed" not in tags()
    assert count(Delivery) == owed


def test_a_stolen_offline_token_of_an_ended_session_ends_the_grant_too(story, turned_clock):
    tokens = give_offline_access(story.rp, story.browser)
    story.end_session()
    thiefs = story.rp.refresh(tokens["refresh_token"]).json
    turned_clock.turn(timedelta(minutes=1))

    story.rp.refresh(tokens["refresh_token"])

    assert not story.lives(thiefs)
    assert only(Grant).revoked_at is not None


def test_an_unused_refresh_token_dies_of_idleness(story, turned_clock):
    tokens = give_offline_access(story.rp, story.browser)
    turned_clock.turn(timedelta(days=13))
    tokens = story.rp.refresh(tokens["refresh_token"]).json
    turned_clock.turn(timedelta(days=14))

    assert story.rp.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"


def test_a_refresh_chain_ends_with_its_grant(story, turned_clock):
    """SEC-1018: however diligently it is used."""
    tokens = give_offline_access(story.rp, story.browser)
    for _ in range(14):
        turned_clock.turn(timedelta(days=12))
        tokens = story.rp.refresh(tokens["refresh_token"]).json
    turned_clock.turn(timedelta(days=12, seconds=1))

    assert story.rp.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"

"""The life of a key under a turned clock: KEY-01 to KEY-09, KEY-13."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from provider.config import Settings, WrongSettings
from provider.infrastructure.database import change, transaction
from provider.keys import lifecycle, queries
from provider.keys.algorithms import ALGORITHMS, from_der
from provider.keys.jwks import published_jwks, supported_algs
from provider.keys.jwt import ID_TOKEN_TYP, InvalidJWT, UnverifiedJWT, sign, verify_own
from provider.keys.keyring import the_keyring
from provider.keys.models import KeyState, SigningKey
from provider.keys.sealing import UnreadableKey

SECRET_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


@pytest.fixture
def keys(app, turned_clock):
    with transaction():
        lifecycle.ensure_keys()
    return app


def advance():
    with transaction():
        return [change.event for change in lifecycle.advance()]


def kids(state, alg="ES256"):
    return [key.kid for key in queries.list_keys() if key.state == state and key.alg == alg]


def published_kids():
    return {jwk["kid"] for jwk in published_jwks()["keys"]}


def signed(settings, clock, alg="ES256", life=3600):
    now = int(clock().timestamp())
    claims = {"iss": settings.issuer, "aud": "red", "sub": "ada", "iat": now, "exp": now + life}
    return UnverifiedJWT(sign(claims, typ=ID_TOKEN_TYP, alg=alg))


def read(token, **options):
    return verify_own(token, typ=frozenset({"JWT"}), audience="red", require=("sub",), **options)


def test_first_keys_sign_at_once(app):
    with transaction():
        changes = lifecycle.ensure_keys()

    assert [(change.event, change.alg) for change in changes] == [
        (event, alg) for alg in ALGORITHMS for event in ("key_created", "key_activated")
    ]
    assert supported_algs() == list(ALGORITHMS)


def test_a_second_start_makes_no_keys(keys):
    before = published_kids()
    with transaction():
        assert lifecycle.ensure_keys() == []

    assert published_kids() == before


def test_no_algorithm_is_offered_before_there_is_a_key(app):
    assert supported_algs() == []
    assert published_jwks() == {"keys": []}


@pytest.mark.spec("discovery 2, discovery 3")
def test_the_jwks_holds_public_members_alone(keys):
    """KEY-08, even where a private one has got into the row."""
    spoiled = {**queries.list_keys()[0].public_jwk, "d": "secret", "k": "secret"}
    kid = spoiled["kid"]
    with transaction():
        change(update(SigningKey).where(SigningKey.kid == kid).values(public_jwk=spoiled))

    for jwk in published_jwks()["keys"]:
        assert not SECRET_MEMBERS & jwk.keys()
        assert jwk["use"] == "sig"


def test_private_parts_are_encrypted_at_rest(keys):
    for key in queries.list_keys():
        with pytest.raises(ValueError, match=r"[Dd]eserialize|[Pp]ars"):
            from_der(key.sealed_private_key)


@pytest.mark.spec("core 14, core 21")
def test_a_successor_is_published_a_day_before_it_signs(keys, settings, turned_clock):
    """KEY-02, KEY-06."""
    [old] = kids(KeyState.ACTIVE)

    turned_clock.turn(timedelta(days=88, hours=23))
    assert advance() == []
    turned_clock.turn(timedelta(hours=1))
    assert advance() == ["key_created"] * len(ALGORITHMS)
    [successor] = kids(KeyState.NEXT)
    assert successor in published_kids()
    assert kids(KeyState.ACTIVE) == [old]

    turned_clock.turn(timedelta(hours=23, minutes=59))
    assert advance() == []
    turned_clock.turn(timedelta(minutes=1))
    assert advance() == ["key_activated", "key_retired"] * len(ALGORITHMS)
    assert kids(KeyState.ACTIVE) == [successor]


def test_a_key_goes_through_all_its_states(keys, settings, turned_clock):
    [old] = kids(KeyState.ACTIVE)
    token = signed(settings, turned_clock)
    with transaction():
        lifecycle.rotate("ES256", now=True)

    retired = queries.get_key(old)
    assert retired.state == KeyState.RETIRED
    assert retired.sealed_private_key is None
    assert old in published_kids()
    assert read(token)["sub"] == "ada"

    turned_clock.turn(settings.key_publish_after_use)
    assert advance() == ["key_hint_only"]
    assert old not in published_kids()
    with pytest.raises(InvalidJWT, match="no longer in use"):
        read(token, allow_expired=True)
    assert read(token, allow_expired=True, for_hint=True)["sub"] == "ada"

    turned_clock.turn(settings.session_lifetime + lifecycle.HINT_WINDOW)
    assert "key_destroyed" in advance()
    assert queries.get_key(old).state == KeyState.DESTROYED
    with pytest.raises(InvalidJWT, match="not known"):
        read(token, allow_expired=True, for_hint=True)


def test_a_hint_from_before_two_rotations_still_verifies(keys, settings, turned_clock):
    """KEY-05."""
    token = signed(settings, turned_clock)
    [first] = kids(KeyState.ACTIVE)

    while len([key for key in queries.list_keys() if key.alg == "ES256" and key.retired_at]) < 2:
        turned_clock.turn(timedelta(hours=12))
        advance()

    assert queries.get_key(first).state == KeyState.HINT_ONLY
    assert read(token, allow_expired=True, for_hint=True)["sub"] == "ada"


@pytest.mark.spec("core 14, core 21")
def test_a_token_verifies_for_all_its_life_when_its_key_retires_right_after(keys, settings, turned_clock):
    """KEY-04."""
    longest = int(settings.key_publish_after_use.total_seconds())
    token = signed(settings, turned_clock, life=longest)
    with transaction():
        lifecycle.rotate(now=True)

    turned_clock.turn(timedelta(seconds=longest - 1))
    advance()

    assert read(token)["sub"] == "ada"


def test_rotating_twice_publishes_one_successor(keys):
    with transaction():
        first = lifecycle.rotate("ES256")
    with transaction():
        second = lifecycle.rotate("ES256")

    assert [change.event for change in first] == ["key_created"]
    assert second == []
    assert len(kids(KeyState.NEXT)) == 1
    assert kids(KeyState.NEXT, "RS256") == []


def test_rotating_now_lets_a_waiting_successor_sign_at_once(keys, settings, turned_clock):
    with transaction():
        lifecycle.rotate()
    waiting = kids(KeyState.NEXT)
    with transaction():
        lifecycle.rotate(now=True)

    assert kids(KeyState.ACTIVE) == waiting
    assert the_keyring().private_key("ES256")[0] == waiting[0]


def test_an_unknown_algorithm_cannot_be_rotated(keys):
    with pytest.raises(lifecycle.UnknownAlgorithm), transaction():
        lifecycle.rotate("HS256")


def test_a_rotation_that_is_rolled_back_leaves_the_keys_alone(keys, settings, turned_clock):
    [old] = kids(KeyState.ACTIVE)

    def rotation_that_fails():
        with transaction():
            lifecycle.rotate(now=True)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotation_that_fails()

    assert kids(KeyState.ACTIVE) == [old]
    assert read(signed(settings, turned_clock))["sub"] == "ada"


def test_a_compromised_key_is_gone_at_once_and_replaced(keys, settings, turned_clock):
    """KEY-07."""
    token = signed(settings, turned_clock)
    [stolen] = kids(KeyState.ACTIVE)
    with transaction():
        changes = lifecycle.compromise(stolen)

    assert [change.event for change in changes] == ["key_compromised", "key_created", "key_activated"]
    assert stolen not in published_kids()
    assert queries.get_key(stolen).sealed_private_key is None
    for options in ({}, {"for_hint": True}):
        with pytest.raises(InvalidJWT):
            read(token, **options)
    assert read(signed(settings, turned_clock))["sub"] == "ada"


def test_a_waiting_successor_replaces_a_compromised_key(keys):
    with transaction():
        lifecycle.rotate("ES256")
    waiting = kids(KeyState.NEXT)
    with transaction():
        lifecycle.compromise(kids(KeyState.ACTIVE)[0])

    assert kids(KeyState.ACTIVE) == waiting


def test_compromising_twice_changes_nothing_more(keys):
    [stolen] = kids(KeyState.ACTIVE)
    with transaction():
        lifecycle.compromise(stolen)
    with transaction():
        assert lifecycle.compromise(stolen) == []


def test_an_unknown_kid_cannot_be_compromised(keys):
    with pytest.raises(queries.UnknownKey), transaction():
        lifecycle.compromise("nobody")


def test_a_ciphertext_moved_to_another_row_does_not_open(keys, settings, turned_clock):
    """KEY-13."""
    [mine], [other] = kids(KeyState.ACTIVE), kids(KeyState.ACTIVE, "EdDSA")
    with transaction():
        moved = queries.get_key(other).sealed_private_key
        change(update(SigningKey).where(SigningKey.kid == mine).values(sealed_private_key=moved))
    the_keyring().forget()

    with pytest.raises(UnreadableKey, match=mine):
        signed(settings, turned_clock)
    with pytest.raises(UnreadableKey), transaction():
        lifecycle.ensure_keys()


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"key_publish_after_use": timedelta(minutes=59)}, id="a token would outlive its key"),
        pytest.param(
            {"key_publish_after_use": timedelta(minutes=9), "id_token_lifetime": timedelta(minutes=5)},
            id="a signed access token would",
        ),
        pytest.param({"jwt_access_token_lifetime": timedelta(minutes=11)}, id="it would outlive a sign-out"),
        pytest.param({"code_lifetime": timedelta(seconds=61)}, id="FAPI 2.0: a code lives for a minute"),
        pytest.param(
            {"key_publish_before_use": timedelta(days=90)}, id="a successor would never sign in time"
        ),
    ],
)
def test_spans_that_break_the_life_of_a_key_are_refused_at_the_start(wrong):
    with pytest.raises(WrongSettings, match=next(iter(wrong))):
        Settings(**wrong)

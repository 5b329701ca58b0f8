"""The Logout Token as an RP receives it, read by a second implementation of JOSE (backchannel §2.4)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from joserfc import jwt as second_jwt
from joserfc.jwk import KeySet
from sqlalchemy import update

from provider.clients.models import Client
from provider.delivery.models import Delivery, DeliveryState
from provider.delivery.resend import resend
from provider.infrastructure import current, metrics
from provider.infrastructure.database import change, db, transaction
from provider.keys.jwks import published_jwks
from provider.logout.notification.outbox import drain
from provider.sessions.models import ClientSession, Session
from tests.conftest import TurnedClock
from tests.delivery.owing import make_due, notice_of, now_is, owe, sign_out_at, tags_of_deliveries
from tests.delivery.receivers import Receiver, receiving
from tests.factories import make_account, make_client, make_session

EVENT = "http://schemas.openid.net/event/backchannel-logout"


def read(token: str) -> Any:
    return second_jwt.decode(
        token, KeySet.import_key_set(published_jwks()), algorithms=["RS256", "ES256", "EdDSA"]
    )


def claims_at(receiver: Receiver) -> Any:
    """The one token that a receiver was sent."""
    [received] = receiver.received
    return read(received.token)


@pytest.mark.spec("backchannel OP 4, backchannel OP 7, backchannel OP 11")
def test_the_token_says_who_what_and_when(app: Flask) -> None:
    with receiving() as red:
        delivery = owe(port=red.port)
        drain()

    token = claims_at(red)
    claims = token.claims
    assert (claims["iss"], claims["aud"]) == (current.settings().issuer, "red")
    assert (claims["sub"], claims["sid"]) == (notice_of(delivery).sub, notice_of(delivery).sid)
    assert claims["events"] == {EVENT: {}}
    assert claims["exp"] - claims["iat"] == current.settings().logout_token_lifetime.total_seconds() <= 120
    assert abs(claims["iat"] - datetime.now(UTC).timestamp()) < 30
    assert claims["jti"]
    assert token.header["typ"] == "logout+jwt"


@pytest.mark.spec("backchannel OP 5")
def test_the_token_never_has_a_nonce(app: Flask) -> None:
    with receiving() as red:
        owe(port=red.port)
        drain()

    assert set(claims_at(red).claims) == {"iss", "aud", "iat", "exp", "jti", "events", "sub", "sid"}


@pytest.mark.spec("backchannel OP 6, backchannel RP 3")
# The second implementation points to RFC 9864's newer name, which RPs of today do not know.
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_the_algorithm_is_the_one_of_the_clients_id_tokens(app: Flask, alg: str) -> None:
    with receiving() as red:
        owe(port=red.port, id_token_signed_response_alg=alg)
        drain()

    assert claims_at(red).header["alg"] == alg


@pytest.mark.spec("backchannel OP 4")
@pytest.mark.parametrize("required", [None, False, True])
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param({}, {"sub", "sid"}, id="both by default"),
        pytest.param({"logout_token_names": "both"}, {"sub", "sid"}, id="both"),
        pytest.param({"logout_token_names": "sid"}, {"sid"}, id="sid alone"),
        pytest.param({"logout_token_names": "sub"}, {"sub"}, id="sub alone"),
    ],
)
def test_the_operator_chooses_which_claims_name_what_has_ended(
    app: Flask, required: bool | None, names: dict[str, object], expected: set[str]
) -> None:
    with receiving() as red:
        owe(port=red.port, settings=names, backchannel_logout_session_required=required)
        drain()

    assert {"sub", "sid"} & set(claims_at(red).claims) == expected


@pytest.mark.parametrize(("before", "after"), [("both", "sid"), ("both", "sub"), ("sub", "both")])
def test_the_choice_is_read_at_each_attempt(app: Flask, before: str, after: str) -> None:
    with receiving(503, 200) as red:
        delivery = owe(port=red.port, settings={"logout_token_names": before})
        drain()
        with transaction():
            change(update(Client).values(logout_token_names=after))
        make_due(delivery)
        drain()

    claims = read(red.received[1].token).claims
    # A delivery that was made for `sub` alone knows of no sid.
    expected = {"sid"} if after == "sid" else {"sub"}
    assert {"sub", "sid"} & set(claims) == expected


def test_the_current_address_is_read_at_each_attempt(app: Flask) -> None:
    with receiving(503) as before, receiving(200) as after:
        delivery = owe(port=before.port)
        drain()
        client_change(backchannel_logout_uri=f"http://127.0.0.1:{after.port}/new")
        make_due(delivery)
        drain()

    assert (len(before.received), len(after.received)) == (1, 1)
    assert now_is(delivery).last_url == f"http://127.0.0.1:{after.port}/new"


def test_the_override_for_development_wins(app: Flask) -> None:
    with receiving() as real:
        client = make_client("red", settings={"deliver_to": f"http://127.0.0.1:{real.port}/inside"})
        sign_out_at(client)
        drain()

    assert len(real.received) == 1


@pytest.mark.parametrize("column", ["disabled_at", "deleted_at"])
def test_a_removed_client_is_notified_at_its_last_address(app: Flask, column: str) -> None:
    with receiving() as red:
        delivery = owe(port=red.port)
        with transaction():
            change(update(Client).values({column: datetime.now(UTC)}))
        drain()

    assert now_is(delivery).state == DeliveryState.ACCEPTED


def test_a_client_without_an_address_is_given_up_with_the_reason(app: Flask) -> None:
    delivery = owe()
    client_change(backchannel_logout_uri=None)

    drain()

    after = now_is(delivery)
    assert (after.state, after.last_outcome, after.attempt_count) == ("pending", "no_address", 0)
    assert tags_of_deliveries() == []


def test_a_session_that_lives_is_never_signed_out(app: Flask) -> None:
    with receiving() as red:
        delivery = owe(port=red.port)
        with transaction():
            change(update(Session).values(ended_at=None))
            change(update(ClientSession).values(ended_at=None))
        drain()

    assert red.received == []
    assert now_is(delivery).last_outcome == "session_lives"


def test_a_client_that_acts_on_sub_alone_is_left_in_peace_once_the_person_is_back(app: Flask) -> None:
    ada = make_account("ada")
    with receiving(503, 200) as red:
        client = make_client("red", port=red.port, settings={"logout_token_names": "sub"})
        [delivery] = sign_out_at(client, account=ada)
        drain()
        make_session(ada, [client])
        make_due(delivery)
        drain()

    assert len(red.received) == 1
    assert now_is(delivery).state == DeliveryState.SUPERSEDED
    assert tags_of_deliveries() == ["delivery_superseded"]


def test_a_client_that_knows_the_sid_is_notified_even_though_the_person_is_back(app: Flask) -> None:
    ada = make_account("ada")
    with receiving(503, 200) as red:
        client = make_client("red", port=red.port)
        [delivery] = sign_out_at(client, account=ada)
        drain()
        make_session(ada, [client])
        make_due(delivery)
        drain()

    assert now_is(delivery).state == DeliveryState.ACCEPTED


def test_the_session_of_another_person_supersedes_nothing(app: Flask) -> None:
    with receiving(503, 200) as red:
        client = make_client("red", port=red.port, settings={"logout_token_names": "sub"})
        [delivery] = sign_out_at(client, account=make_account("ada"))
        drain()
        make_session(make_account("ben"), [client])
        make_due(delivery)
        drain()

    assert now_is(delivery).state == DeliveryState.ACCEPTED


def test_a_delivery_that_names_the_sid_is_superseded_once_the_operator_chooses_sub_alone(app: Flask) -> None:
    ada = make_account("ada")
    with receiving(503, 200) as red:
        client = make_client("red", port=red.port)
        [delivery] = sign_out_at(client, account=ada)
        drain()
        make_session(ada, [client])
        with transaction():
            change(update(Client).values(logout_token_names="sub"))
        make_due(delivery)
        drain()

    assert now_is(delivery).state == DeliveryState.SUPERSEDED


def test_a_token_with_sub_alone_is_retried_as_long_as_the_person_stays_away(
    app: Flask, turned_clock: TurnedClock
) -> None:
    with receiving(503, 200) as red:
        delivery = owe(port=red.port, settings={"logout_token_names": "sub"})
        drain()
        turned_clock.turn(timedelta(hours=71))
        drain()

    assert len(red.received) == 2
    assert now_is(delivery).state == DeliveryState.ACCEPTED


@pytest.mark.parametrize("names", ["both", "sid", "sub"])
def test_what_comes_too_late_expires_with_an_alert_and_can_be_retried(
    app: Flask, turned_clock: TurnedClock, caplog: pytest.LogCaptureFixture, names: str
) -> None:
    before = counted_expired()
    with receiving(503, 200) as red:
        settings = {"logout_token_names": names, "session_lifetime": timedelta(minutes=10)}
        delivery = owe(port=red.port, settings=settings)
        drain()
        turned_clock.turn(timedelta(minutes=10, seconds=1))
        drain()

        assert (now_is(delivery).state, len(red.received)) == (DeliveryState.EXPIRED, 1)
        assert tags_of_deliveries() == ["delivery_expired"]
        [warned] = [line for line in caplog.records if line.message == "delivery_expired"]
        assert warned.levelname == "WARNING"
        assert warned.fields == {  # type: ignore[attr-defined]
            "delivery_id": str(delivery.id),
            "logout_id": delivery.cause_id,
            "client_id": "red",
            "attempts": 1,
            "outcome": "unavailable",
        }
        assert counted_expired() == before + 1
        with transaction():
            assert resend(db.session.get_one(Delivery, delivery.id))
        drain()

    assert now_is(delivery).state == DeliveryState.ACCEPTED


def test_its_first_attempt_is_made_however_long_the_workers_were_away(
    app: Flask, turned_clock: TurnedClock
) -> None:
    with receiving() as red:
        delivery = owe(port=red.port, settings={"logout_token_names": "sub"})
        turned_clock.turn(timedelta(minutes=20))
        drain()

    assert now_is(delivery).state == DeliveryState.ACCEPTED


def counted_expired() -> float:
    """Return the number of deliveries that Prometheus has seen expire."""
    samples = [one for family in metrics.DELIVERIES_FINISHED.collect() for one in family.samples]
    return sum(
        one.value
        for one in samples
        if one.name.endswith("_total") and one.labels["state"] == DeliveryState.EXPIRED
    )


def client_change(**metadata: object) -> None:
    """Change what red has registered; None takes a member away."""
    with transaction():
        red = db.session.query(Client).filter_by(client_id="red").one()
        kept = {**red.registered, **metadata}
        red.registered = {name: value for name, value in kept.items() if value is not None}
    assert db.session.query(Delivery).count() == 1
    db.session.commit()

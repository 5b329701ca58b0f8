"""A request that waits in its address can be answered while the secret key is replaced, and afterwards."""

import pytest

from provider.infrastructure.data_keys import LOOK_AGAIN_AFTER
from tests.support.browsers import follow
from tests.support.relying_party import RelyingParty, type_password


@pytest.fixture
def red(fleet, app, ada):
    return RelyingParty(app, "red", id_token_signed_response_alg="ES256")


def test_requests_sealed_into_addresses_outlive_the_key(app, fleet, red, turned_clock):
    """DEC-27: a person who was asked before, during or after the exchange answers to whatever process."""
    browsers = [app.test_client() for _ in range(3)]
    asked = [red.authorize(browsers[0])]
    fleet.replace_key()
    new = fleet.start()
    asked.append(red.authorize(browsers[1]))
    # The process of before has not met the newer data key yet.
    turned_clock.turn(LOOK_AGAIN_AFTER * 2)
    fleet.work(fleet.old)
    assert follow(browsers[1], asked[1]).status_code == 200
    fleet.work(new)
    fleet.rekey("--finish")
    asked.append(red.authorize(browsers[2]))

    led_to = [
        type_password(one, response).headers["Location"]
        for one, response in zip(browsers, asked, strict=True)
    ]

    assert all("?sealed=" in one.headers["Location"] for one in asked)
    assert all("code=" in one for one in led_to)

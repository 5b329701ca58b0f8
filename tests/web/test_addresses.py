"""What a proxy says about the requester counts only as far as proxies are trusted (SEC-403)."""

from dataclasses import replace

import pytest

from provider.app import create_app
from provider.web.addresses import client_address, client_network


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        pytest.param(0, "192.0.2.9", "127.0.0.1", id="no proxy is trusted"),
        pytest.param(1, "192.0.2.9", "192.0.2.9", id="one proxy"),
        pytest.param(1, "6.6.6.6, 192.0.2.9", "192.0.2.9", id="what stands before it was made up"),
        pytest.param(2, "6.6.6.6, 192.0.2.9, 10.0.0.1", "192.0.2.9", id="two proxies"),
        pytest.param(2, "192.0.2.9", "127.0.0.1", id="fewer entries than proxies"),
        pytest.param(1, "nonsense", "127.0.0.1", id="nonsense"),
        pytest.param(1, "::ffff:192.0.2.9", "192.0.2.9", id="an IPv4 address in disguise"),
    ],
)
def test_the_address_is_the_one_that_the_outermost_trusted_proxy_saw(settings, hops, forwarded, address):
    app = create_app(replace(settings, trusted_proxies=hops))

    with app.test_request_context(
        headers={"X-Forwarded-For": forwarded}, environ_base={"REMOTE_ADDR": "127.0.0.1"}
    ):
        assert client_address() == address


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.9", "192.0.2.9"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), ("", "unknown")],
)
def test_limits_count_one_household_as_one(app, address, network):
    with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        assert client_network() == network

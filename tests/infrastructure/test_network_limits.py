"""Limits hold for a household's network, and more loosely for the site around it."""

import pytest

from provider.infrastructure import network_limits

LIMIT = "2 per hour"


@pytest.fixture
def comes_from(app):
    def ask(address: str, question=network_limits.hit) -> bool:
        return question(network_limits.networks_of(address), LIMIT, "key")

    return ask


@pytest.mark.parametrize(
    ("first", "same", "other"),
    [
        ("192.0.2.9", "192.0.2.9", "192.0.2.10"),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "2001:db8:1:3::1"),
    ],
)
def test_a_household_is_limited_as_one_and_its_neighbour_is_not(comes_from, first, same, other):
    assert comes_from(first)
    assert comes_from(same)

    assert not comes_from(first, network_limits.test)
    assert not comes_from(same)
    assert comes_from(other)


def test_a_site_is_limited_at_sixteen_times_as_much(comes_from):
    households = (f"2001:db8:1:{number:x}::1" for number in range(200))

    allowed = sum(comes_from(address) for address in households)

    assert allowed == 16 * 2
    assert comes_from("2001:db8:2:0::1")


def test_a_cleared_limit_is_free_again_for_the_household_and_the_site(comes_from):
    allowed = sum(comes_from(f"2001:db8:1:{number:x}::1") for number in range(40))
    assert allowed == 16 * 2

    assert 3590 < comes_from("2001:db8:1:99::1", network_limits.wait) <= 3600
    for number in range(40):
        comes_from(f"2001:db8:1:{number:x}::1", network_limits.clear)

    assert comes_from("2001:db8:1:99::1", network_limits.wait) == 0
    assert sum(comes_from(f"2001:db8:1:{number:x}::1") for number in range(40)) == 16 * 2

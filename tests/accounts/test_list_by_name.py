"""The search for people by the beginning of a user name, a page at a time."""

import pytest

from provider.accounts.queries import list_by_name
from tests.factories import make_account


@pytest.fixture(autouse=True)
def people(app):
    assert app
    for name in ("anna", "annabel", "änne", "bob", "ann-marie", "annzz"):
        make_account(name)


def names(*args, **kwargs) -> list[str]:
    return [one.username for one in list_by_name(*args, **kwargs)]


def test_finds_people_by_the_beginning_of_their_name_in_any_case():
    assert names("ANN") == ["ann-marie", "anna", "annabel", "annzz"]
    assert names("annab") == ["annabel"]
    assert names("nn") == []


def test_goes_on_behind_the_last_one():
    first = list_by_name("ann", limit=2)

    assert names("ann", after=first[-1], limit=2) == ["annabel", "annzz"]


def test_a_wildcard_is_a_letter():
    assert names("a%") == []
    assert names("ann_") == []

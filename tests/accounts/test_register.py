"""A person is registered once, under a name that cannot be mistaken for another."""

import pytest

from provider.accounts import queries, register
from provider.accounts.claims import InvalidClaims, claims_of
from provider.accounts.names import InvalidUsername
from provider.infrastructure.database import transaction

PASSWORD = "a quiet evening at home"


def add(username, password=PASSWORD, **claims):
    with transaction():
        return register.add(username, password, claims)


def test_a_person_is_found_by_name_whatever_its_case(app):
    ada = add("Ada", name="Ada Lovelace")

    assert queries.find_by_username("ADA").id == ada.id
    assert queries.find_by_username(" ada ").id == ada.id
    assert queries.get(ada.id).username == "Ada"
    assert queries.find_by_username("ben") is None
    with pytest.raises(queries.UnknownAccount):
        queries.get_by_username("ben")


@pytest.mark.spec("ABU-33")
@pytest.mark.parametrize(
    ("taken", "asked"),
    [
        pytest.param("ada", "ADA", id="case"),
        pytest.param("ada", "\uff41\uff44\uff41", id="full width"),
        pytest.param("stra\u00dfe", "STRASSE", id="sharp s"),
        pytest.param("andr\u00e9", "andre\u0301", id="decomposed accent"),
        pytest.param("ada", " ada ", id="spaces around"),
    ],
)
def test_a_name_that_looks_the_same_is_taken(app, taken, asked):
    add(taken)

    with pytest.raises(register.UsernameTaken):
        add(asked)


@pytest.mark.parametrize("name", ["", "   ", "a\x00b", "a\u200bb", "a\u202eb", "a" * 256, "\ud800"])
def test_a_name_that_cannot_be_seen_or_kept_is_refused(app, name):
    with pytest.raises(InvalidUsername):
        add(name)


def test_the_identifiers_of_people_are_their_own(app):
    ada, ben = add("ada"), add("ben")

    assert ada.sub != ben.sub
    assert [account.username for account in queries.list_accounts()] == ["ada", "ben"]
    assert queries.list_accounts(after=ada.id, limit=5) == [ben]


@pytest.mark.spec("core §5.1")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sub", "1"),
        ("updated_at", 1),
        ("salary", "1"),
        ("name", ""),
        ("name", 5),
        ("name", "Ada\x00"),
        ("email", "ada"),
        ("email", "ada@example.org, ben@example.org"),
        ("email_verified", "true"),
        ("email_verified", 1),
        ("birthdate", "10.12.1815"),
        ("birthdate", "1815-13-01"),
        ("picture", "javascript:alert(1)"),
        ("website", "example.org"),
        ("zoneinfo", "../etc/passwd"),
        ("locale", "english please"),
        ("phone_number", "call me"),
        ("address", "London"),
        ("address", {}),
        ("address", {"planet": "Earth"}),
        ("address", {"locality": 1}),
    ],
)
def test_a_claim_of_another_type_or_form_is_refused(app, name, value):
    with pytest.raises(InvalidClaims) as refused:
        add("ada", **{"name": "Ada", name: value})

    assert [problem.split()[0] for problem in refused.value.problems] == [name]


@pytest.mark.spec("core §5.1")
def test_every_standard_claim_can_be_kept(app):
    known = {
        "name": "Ada Lovelace",
        "given_name": "Ada",
        "family_name": "Lovelace",
        "middle_name": "Augusta",
        "nickname": "Ada",
        "preferred_username": "ada.l",
        "profile": "https://people.example/ada",
        "picture": "https://people.example/ada.png",
        "website": "http://ada.example",
        "email": "ada@example.org",
        "email_verified": True,
        "gender": "female",
        "birthdate": "1815-12-10",
        "zoneinfo": "Europe/London",
        "locale": "en-GB",
        "phone_number": "+44 20 7946 0018;ext=7",
        "phone_number_verified": False,
        "address": {"formatted": "12 St James's Square\nLondon", "country": "United Kingdom"},
    }

    ada = add("ada", **known)

    assert claims_of(queries.get(ada.id)) == known | {"updated_at": int(ada.updated_at.timestamp())}


def test_the_user_name_is_the_preferred_one_unless_said_otherwise(app):
    assert claims_of(add("ada"))["preferred_username"] == "ada"

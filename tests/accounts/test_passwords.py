"""Passwords are hard to guess, checked as they were received, and cheap to refuse."""

import dataclasses
import gzip
import threading

import pytest
from argon2 import PasswordHasher
from sqlalchemy import update

from provider.accounts import change, passwords, register
from provider.accounts.models import Account
from provider.accounts.password_rules import UnusablePassword, check_rules
from provider.config import WrongSettings
from provider.infrastructure import current
from provider.infrastructure.database import change as write
from provider.infrastructure.database import db, transaction
from tests.support.waiting import PATIENCE

PASSWORD = "a quiet evening at home"


@pytest.fixture
def ada(app):
    with transaction():
        return register.add("ada", PASSWORD)


@pytest.mark.spec("SEC-611")
@pytest.mark.parametrize(
    ("given", "right"),
    [
        pytest.param(PASSWORD, True, id="the password"),
        pytest.param(PASSWORD + " ", False, id="a trailing space counts"),
        pytest.param(PASSWORD.upper(), False, id="case counts"),
        pytest.param(PASSWORD + "\x00", False, id="a trailing NUL counts"),
        pytest.param(PASSWORD[:-1], False, id="every character counts"),
        pytest.param("", False, id="nothing"),
        pytest.param("x" * 100_000, False, id="far too long"),
        pytest.param("\ud800", False, id="no Unicode text"),
    ],
)
def test_a_password_is_checked_as_it_was_received(ada, given, right):
    assert passwords.verify(ada, given) is right


@pytest.mark.spec("SEC-611")
def test_composed_and_decomposed_letters_are_the_same_password(ada):
    with transaction():
        change.set_password(ada, "caf\u00e9 au lait, s'il vous pla\u00eet")

    assert passwords.verify(ada, "cafe\u0301 au lait, s'il vous plai\u0302t")


@pytest.mark.spec("SEC-612")
@pytest.mark.parametrize("length", [64, 128, 1024])
def test_long_passwords_hold_to_the_last_character(app, length):
    long = ("all of these words are my own " * 40)[: length - 1]
    with transaction():
        ada = register.add("ada", long + "x")

    assert passwords.verify(ada, long + "x")
    assert not passwords.verify(ada, long + "y")


@pytest.mark.spec("THR-35")
def test_unknown_names_and_people_without_password_are_refused_after_a_hash(app):
    with transaction():
        robot = register.add("robot", None)
    hashing = passwords.hashing()
    taken = []
    slots = hashing.slots
    counting = type("Slots", (), {})()
    counting.acquire = lambda timeout: taken.append(1) or slots.acquire(timeout=timeout)
    counting.release = slots.release
    current.services().memo["password_hashing"] = dataclasses.replace(hashing, slots=counting)

    assert not passwords.verify(None, PASSWORD)
    assert not passwords.verify(robot, PASSWORD)
    assert not passwords.verify(None, "the password of no account")

    assert len(taken) == 3


@pytest.mark.spec("THR-38")
def test_a_crowd_is_asked_to_come_back(app, ada):
    concurrency = current.settings().argon2_concurrency
    hashing = dataclasses.replace(passwords.hashing(), longest_wait=0.01)
    current.services().memo["password_hashing"] = hashing
    for _ in range(concurrency):
        assert hashing.slots.acquire(timeout=PATIENCE)

    with pytest.raises(passwords.TooBusy):
        passwords.verify(ada, PASSWORD)

    for _ in range(concurrency):
        hashing.slots.release()
    assert passwords.verify(ada, PASSWORD)


def test_slots_are_given_back_whatever_happens(app, ada):
    results = []

    def check():
        with app.app_context():
            results.append(passwords.verify(ada, "wrong"))

    threads = [threading.Thread(target=check) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == [False] * 12


@pytest.mark.spec("KEY-22")
def test_the_same_password_gets_a_new_hash_without_being_a_new_password(ada):
    old_hash, changed_at = ada.password_hash, ada.password_changed_at
    assert not passwords.needs_rehash(ada)

    with transaction():
        assert change.replace_hash(ada, passwords.hash_password(PASSWORD, ada.id))

    db.session.refresh(ada)
    assert ada.password_hash != old_hash
    assert passwords.verify(ada, PASSWORD)
    assert (ada.password_changed_at, ada.epoch) == (changed_at, 0)


@pytest.mark.spec("KEY-22")
def test_a_new_hash_never_undoes_a_change_of_password(ada):
    new_hash = passwords.hash_password(PASSWORD, ada.id)
    with transaction():
        # Another process changes the password after this one has read the row.
        write(update(Account).values(password_hash=passwords.hash_password("another one", ada.id)))
    with transaction():
        assert not change.replace_hash(ada, new_hash)

    db.session.refresh(ada)
    assert passwords.verify(ada, "another one")


def test_an_old_hash_is_noticed(ada):
    ada.password_hash = PasswordHasher(time_cost=1, memory_cost=512, parallelism=1).hash(PASSWORD)

    assert passwords.needs_rehash(ada)
    assert passwords.verify(ada, PASSWORD)


@pytest.mark.spec("SEC-604, SEC-607, SEC-608, SEC-614")
@pytest.mark.parametrize(
    ("password", "allowed"),
    [
        pytest.param("sevench", False, id="too short"),
        pytest.param("ninebirds", True, id="long enough, all lower case"),
        pytest.param("🦜🐢🦔🐙🐌🦀🐝🦉", True, id="emoji"),
        pytest.param("three words here", True, id="spaces"),
        pytest.param("password", False, id="the first one tried"),
        pytest.param("Password123!", False, id="the first one, dressed up"),
        pytest.param("passwordpassword", False, id="the first one, twice"),
        pytest.param("abababababab", False, id="a short piece, again and again"),
        pytest.param("adalovelace1815", False, id="the user name with a year"),
        pytest.param("curfewcurfew", False, id="the product"),
        pytest.param("localhost:8900!", False, id="the issuer"),
        pytest.param("adalovelace walks by the river", False, id="the user name and more"),
        pytest.param("ada loves a lace by the river", True, id="only a part of the user name"),
        pytest.param("liverpool1234567", False, id="a common one with digits behind"),
        pytest.param("2026 manchester 2026", False, id="a common one among digits"),
        pytest.param("Liverpool liverpool", False, id="a common one, twice, with a space"),
        pytest.param("q1w2e3r4t5y6u7i8o9p0", False, id="a walk over the keyboard"),
        pytest.param("liverpool in the rain", True, id="a common one and more"),
        pytest.param("x" * 3 + "y" * 1022, False, id="longer than 1024 bytes"),
    ],
)
def test_which_passwords_may_be_set(app, password, allowed):
    if allowed:
        check_rules(password, username="adalovelace")
    else:
        with pytest.raises(UnusablePassword) as refused:
            check_rules(password, username="adalovelace")
        assert repr(password) not in str(refused.value)


PERSON = {
    "name": "Augusta Ada King-Noel",
    "given_name": "Augusta Ada",
    "family_name": "King-Noel",
    "nickname": "Tess",
    "email": "countess.l@example.org",
    "address": {"street_address": "12 St James's Square", "locality": "Dover", "postal_code": "SW1Y 4JH"},
}


@pytest.mark.spec("SEC-602, SEC-614")
@pytest.mark.parametrize(
    ("password", "allowed"),
    [
        pytest.param("my own augusta ada king-noel", False, id="her name"),
        pytest.param("MyOwnAugustaAdaKingNoel", False, id="her name in one word"),
        pytest.param("the services of King Noel", False, id="her family name"),
        pytest.param("countess.l@example.org rules", False, id="her e-mail address"),
        pytest.param("mail for countess-l here", False, id="her e-mail address before the @"),
        pytest.param("i live at 12 St James's Square", False, id="her street"),
        pytest.param("dover SW1Y 4JH 2026", False, id="her town and postal code and no more"),
        pytest.param("tess tess 1815 noel", False, id="short names and no more"),
        pytest.param("the cliffs of dover are white", True, id="her town and more"),
        pytest.param("contessa loves a long walk", True, id="a short name inside another word"),
    ],
)
def test_own_names_and_addresses_are_refused(app, password, allowed):
    def set_() -> None:
        with transaction():
            register.add("al1815", password, PERSON)

    if allowed:
        set_()
    else:
        with pytest.raises(UnusablePassword, match="choose several unrelated words"):
            set_()


@pytest.mark.spec("SEC-607")
def test_the_built_in_list_is_long_and_compact():
    from importlib.resources import files

    from provider.accounts import common_passwords

    assert 10_000 <= len(common_passwords.built_in()) <= 100_000
    assert (files("provider.accounts") / "common_passwords.txt.gz").stat().st_size < 200_000
    assert "zxcvbn" in (files("provider.accounts") / "common_passwords.license.txt").read_text()


@pytest.mark.spec("SEC-615")
@pytest.mark.parametrize("packed", [False, True])
def test_an_operator_adds_a_list(app, tmp_path, packed):
    path = tmp_path / "leaked.txt"
    text = "Hunter Two Is Starred\r\ncafe\u0301 noir et croissant\n\n".encode() + b"latin \xe9\n"
    path.write_bytes(gzip.compress(text) if packed else text)
    services = current.services()
    with_list = dataclasses.replace(services.settings, common_passwords_file=path)
    current.install(app, dataclasses.replace(services, settings=with_list, memo={}))

    for leaked in ("hunter two is starred", "HUNTER TWO IS STARRED 99", "café noir et croissant"):
        with pytest.raises(UnusablePassword):
            check_rules(leaked, username="ada")
    check_rules("hunter three is not", username="ada")


@pytest.mark.parametrize("exists", [False, True])
def test_a_list_that_cannot_be_read_is_a_wrong_setting(settings, tmp_path, exists):
    path = tmp_path / "leaked.txt"
    if exists:
        path.write_bytes(gzip.compress(b"cut off" * 99)[:-9])

    with pytest.raises(WrongSettings, match=r"common_passwords_file (cannot|is not)"):
        dataclasses.replace(settings, common_passwords_file=path)

"""Password hashes of other providers are checked by their own rules, within bounds, in the same time."""

import base64
import hashlib

import bcrypt
import pytest

from provider.accounts import foreign_hashes, passwords, take_over
from provider.accounts.foreign_hashes import Pbkdf2, UnusableHash, checked
from provider.accounts.queries import get_by_username
from provider.accounts.take_over import NewPerson
from provider.infrastructure.database import transaction

# Nothing here depends on the kind of database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PASSWORD = "a quiet evening at home"
SALT = b"0123456789abcdef"


def pbkdf2(digest: str, iterations: int = 1000, length: int = 64, password: str = PASSWORD) -> str:
    derived = hashlib.pbkdf2_hmac(digest, password.encode(), SALT, iterations, length)
    return str(Pbkdf2(digest, iterations, SALT, derived))


def crypted(version: bytes = b"2b", password: str = PASSWORD) -> str:
    return bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).replace(b"2b", version, 1).decode()


@pytest.fixture
def kept(app):
    """Takes a person in with a hash."""

    def take(hash_: str):
        with transaction():
            take_over.add_many([NewPerson(username="ada", sub="1", claims={}, password_hash=checked(hash_))])
        return get_by_username("ada")

    return take


@pytest.mark.parametrize(
    "hash_",
    [
        pytest.param(lambda: pbkdf2("sha1", length=20), id="PBKDF2 with SHA-1"),
        pytest.param(lambda: pbkdf2("sha1", length=64), id="PBKDF2 with SHA-1, four blocks"),
        pytest.param(lambda: pbkdf2("sha256"), id="PBKDF2 with SHA-256"),
        pytest.param(lambda: pbkdf2("sha512"), id="PBKDF2 with SHA-512"),
        pytest.param(lambda: crypted(b"2a"), id="bcrypt 2a"),
        pytest.param(lambda: crypted(b"2b"), id="bcrypt 2b"),
        pytest.param(lambda: crypted(b"2y"), id="bcrypt 2y"),
    ],
)
def test_only_the_password_is_right_and_it_is_to_be_hashed_anew(kept, hash_):
    ada = kept(hash_())

    assert passwords.verify(ada, PASSWORD)
    assert not passwords.verify(ada, PASSWORD + ".")
    assert not passwords.verify(ada, "\0")
    assert passwords.needs_rehash(ada)


def test_bcrypt_reads_72_bytes_of_a_long_password(kept):
    long = PASSWORD * 10
    ada = kept(crypted(password=long))

    assert passwords.verify(ada, long)


@pytest.mark.parametrize(
    ("hash_", "why"),
    [
        pytest.param(
            pbkdf2("sha256", 1000).replace("i=1000", "i=999999999"), "costs too much", id="iterations"
        ),
        pytest.param(pbkdf2("sha256").replace("i=1000", "i=1"), "too little", id="one iteration"),
        pytest.param("$2b$31$" + "a" * 53, "costs too much", id="bcrypt rounds"),
        pytest.param(
            "$argon2id$v=19$m=4194304,t=9,p=1$YWJjZGVmZ2g$YWJjZGVmZ2g", "costs too much", id="memory"
        ),
        pytest.param(
            "$argon2id$v=19$m=8,t=90000000,p=1$YWJjZGVmZ2g$YWJjZGVmZ2g", "costs too much", id="passes"
        ),
        pytest.param("$argon2id$nonsense", "not one of Argon2", id="no parameters"),
        pytest.param("5f4dcc3b5aa765d61d8327deb882cf99", "unknown kind", id="MD5"),
        pytest.param("x" * 1000, "longer than", id="a long text"),
        pytest.param(pbkdf2("sha256", length=8), "fewer than 16 bytes", id="a short hash"),
        pytest.param("", "unknown kind", id="nothing"),
    ],
)
def test_what_costs_too_much_or_protects_too_little_is_not_kept(app, hash_, why):
    with pytest.raises(UnusableHash, match=why) as refused:
        checked(hash_)
    # A hash belongs into no message.
    assert not hash_ or hash_ not in str(refused.value)


def test_a_long_hash_costs_no_more_than_its_iterations(app, monkeypatch):
    derive, asked = hashlib.pbkdf2_hmac, []
    long = pbkdf2("sha1", length=64)
    monkeypatch.setattr(
        foreign_hashes.hashlib, "pbkdf2_hmac", lambda *of: asked.append(of[-1]) or derive(*of)
    )

    assert foreign_hashes.verify(long, PASSWORD.encode())
    assert not foreign_hashes.verify(long, b"wrong")
    assert asked == [20, 20]


@pytest.mark.spec("THR-35")
def test_an_unknown_name_costs_as_much_as_the_costliest_hash_met(kept, monkeypatch):
    ada = kept(pbkdf2("sha256", 50_000))
    passwords.verify(ada, "wrong")
    here = passwords.hashing()
    expected = foreign_hashes.seconds_of(pbkdf2("sha256", 50_000)) / here.seconds_of_one
    done = []
    monkeypatch.setattr(passwords, "hash_secret_raw", lambda *a: done.append(a[2] * a[3]))

    passwords.verify(None, "wrong")

    assert here.work == pytest.approx(expected, rel=0.01)
    # The dummy hash of the fast settings costs 1024; the rest is made up for.
    assert sum(done) == pytest.approx(here.work - 1024, rel=0.1)


def test_a_hash_in_its_stored_form_fits_its_column(kept):
    longest = str(Pbkdf2("sha512", 999_999, b"s" * 16, b"h" * 64))
    assert len(base64.b64encode(longest.encode())) < 200
    assert len(kept(longest.replace("999999", "499999")).password_hash) <= 255

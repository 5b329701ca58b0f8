"""A copy of the database without its key: no signing, no reading of secrets or of guesses (KEY-16).

A whole story is played with secrets of every kind; then every value of every table is searched for them, for
every fast digest of those that can be guessed, and for keys; and a provider with another key is asked.
"""

import base64
import hashlib
import json
import re
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key
from sqlalchemy import select

from provider.accounts import passwords
from provider.accounts.models import Account
from provider.app import compose_services
from provider.clients import initial_access, registration_token
from provider.clients.models import Client
from provider.clients.secrets import check_secret
from provider.infrastructure import current, data_keys
from provider.infrastructure.database import Base, db, transaction
from provider.keys.jwt import sign
from provider.keys.sealing import UnreadableKey
from provider.tokens import device_codes
from tests.factories import PASSWORD, secret_of
from tests.security.full_story import FullStory
from tests.support.reads import end_read

ANOTHER_KEY = "YW5vdGhlci1rZXktYW5vdGhlci1rZXktYW5vdGhlci0"
# What each column that looks like a proof holds, and why it proves no guess. A new one needs a line here.
HANDLE = "SHA-256 of 256 random bits of ours, which cannot be guessed"
KEYED = "made with the key"
NO_SECRET = "of something that is no secret"
PROOFS = {
    "access_token.digest": HANDLE,
    "account.password_hash": KEYED,
    "account_link.digest": HANDLE,
    "applied_configuration.plan_hash": KEYED,
    "audit_anchor.chain": KEYED,
    "audit_event.chain": KEYED,
    "audit_event.mac": KEYED,
    "authorization_code.digest": HANDLE,
    "client.previous_secret_digest": KEYED,
    "client.registration_token_digest": HANDLE,
    "client.secret_digest": KEYED,
    "client_problem.digest": NO_SECRET,
    "data_key.sealed": KEYED,
    "data_key.sealed_by": KEYED,
    "delivery.lease_token": NO_SECRET,
    "delivery.subject_key": NO_SECRET,
    "device_code.digest": HANDLE,
    "device_code.user_code_digest": KEYED,
    "initial_access_token.digest": HANDLE,
    "interaction.browser_digest": HANDLE,
    "interaction.handle_digest": HANDLE,
    "logout.result_digest": HANDLE,
    "refresh_token.digest": HANDLE,
    "repeated_request.digest": NO_SECRET,
    "repeated_request.sealed_body": KEYED,
    "session.handle_digest": HANDLE,
    "signing_key.sealed_private_key": KEYED,
    "used_assertion.jti_digest": NO_SECRET,
    "used_proof.digest": NO_SECRET,
}
_LOOKS_LIKE_PROOF = re.compile(r"digest|hash|mac$|chain$|seal|secret$|token$|key$|password$")
_FAST = [name for name in sorted(hashlib.algorithms_guaranteed) if not name.startswith("shake")]


@pytest.fixture
def story(app, browser, turned_clock):
    with transaction():
        data_keys.establish(current.data_keys())
    return FullStory(app, browser, turned_clock)


@pytest.fixture
def secrets(story) -> dict[str, str]:
    """Every secret that was given out or typed, by what it is."""
    with transaction():
        client = db.session.merge(story.red.client)
        registration = registration_token.give(client)
        _, initial = initial_access.create()
    tokens = {name: value for name, value in story.tokens.items() if name.endswith("_token")}
    waiting = story.tv.begin(scope="openid profile")
    return (
        tokens
        | {
            "code": story.code,
            "cookie": story.cookie,
            "binding cookie": story.http.get_cookie("curfew_browser").value,
            "device code": story.device_code,
            "exchanged token": story.exchanged,
            "pushed request": story.pushed.rpartition(":")[2],
            "registration token": registration,
            "initial access token": initial,
        }
        | guessable(waiting["user_code"])
    )


def guessable(user_code: str) -> dict[str, str]:
    """The secrets that a person has chosen or can type."""
    return {
        "password": PASSWORD,
        "client's secret": secret_of("red"),
        "user code": user_code,
        "user code as it is kept": user_code.replace("-", ""),
    }


def dump() -> dict[str, list[object]]:
    """Every value of every column, as a thief of the database has them."""
    end_read()
    found: dict[str, list[object]] = {}
    for table in Base.metadata.sorted_tables:
        for row in db.session.execute(select(table)).mappings():
            for name, value in row.items():
                found.setdefault(f"{table.name}.{name}", []).append(value)
    return found


def as_text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return (
        json.dumps(value, default=str, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    )


def digests_of(secret: str) -> set[str]:
    """Return everything that an attacker could make of a guess, with no more than the row beside it."""
    raw = [hashlib.new(name, secret.encode()).digest() for name in _FAST]
    forms = (bytes.hex, lambda one: base64.b64encode(one).decode(), lambda one: one.decode("latin-1"))
    safe = [base64.urlsafe_b64encode(one).decode().rstrip("=") for one in raw]
    return {form(one) for one in raw for form in forms} | set(safe)


def test_no_secret_and_no_fast_digest_of_a_guessable_one_is_stored(story, secrets):
    stored = {column: "\n".join(map(as_text, values)) for column, values in dump().items()}
    assert len(stored) > 150

    found = {(name, column) for column, text in stored.items() for name in secrets if secrets[name] in text}
    assert found == set()
    for name, secret in guessable(secrets["user code"]).items():
        made = digests_of(secret)
        assert not [(name, column) for column, text in stored.items() if any(one in text for one in made)]
    # A slow hash verifies guesses too, if it can be read.
    slow = re.compile(r"\$(argon2|2[aby]|scrypt|pbkdf2|[156])\w*\$")
    assert [column for column, text in stored.items() if slow.search(text)] == []


def test_no_private_key_is_stored_in_the_clear(story):
    for column, values in dump().items():
        for value in values:
            raw = value if isinstance(value, bytes) else as_text(value).encode()
            for load in (load_der_private_key, load_pem_private_key):
                with pytest.raises((ValueError, TypeError)):
                    load(raw, None)
            assert not re.search(r'"(d|p|q|dp|dq|qi|k)": *"', as_text(value)), column


def test_each_column_that_looks_like_a_proof_is_known_for_what_it_is():
    columns = [f"{table.name}.{column.name}" for table in Base.metadata.sorted_tables for column in table.c]

    assert {name for name in columns if _LOOKS_LIKE_PROOF.search(name)} == set(PROOFS)


def test_a_provider_with_another_key_neither_signs_nor_verifies_a_guess(app, story, secrets, settings):
    end_read()
    # The thief deletes what stops him: the row that says that another key is the right one.
    current.install(app, compose_services(replace(settings, secret_key=ANOTHER_KEY)))
    with transaction():
        db.session.execute(data_keys.DataKey.__table__.delete())

    with pytest.raises(UnreadableKey):
        sign({"sub": "ada"}, typ="JWT", alg="ES256")
    ada = db.session.scalars(select(Account).where(Account.username == "ada")).one()
    red = db.session.scalars(select(Client).where(Client.client_id == "red")).one()
    assert not passwords.verify(ada, PASSWORD)
    assert not check_secret(red, secret_of("red"))
    assert device_codes.find_waiting(secrets["user code as it is kept"]) is None


def test_the_provider_with_its_key_does_all_of_that(story, secrets):
    assert sign({"sub": "ada"}, typ="JWT", alg="ES256")
    ada = db.session.scalars(select(Account).where(Account.username == "ada")).one()
    red = db.session.scalars(select(Client).where(Client.client_id == "red")).one()
    assert passwords.verify(ada, PASSWORD)
    assert check_secret(red, secret_of("red"))
    assert device_codes.find_waiting(secrets["user code as it is kept"]) is not None

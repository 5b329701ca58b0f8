"""Handles and identifiers are random, and read by others."""

import pickle
import re
from datetime import timedelta
from uuid import UUID, uuid4

from provider.infrastructure import clock
from provider.infrastructure.opaque_tokens import first_id_at, new_handle, new_hex_id, new_id, uuid_of

_MANY = 500


def test_a_handle_is_43_letters_for_addresses_and_never_the_same():
    made = [new_handle() for _ in range(_MANY)]

    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", handle) for handle in made)
    assert len(set(made)) == _MANY
    assert set("".join(made)) >= {"-", "_"}
    assert new_handle("cfc_").startswith("cfc_")


def test_an_identifier_is_of_version_7_and_sorts_by_time():
    made = [new_id() for _ in range(_MANY)] + [UUID(new_hex_id()) for _ in range(_MANY)]

    assert {(one.version, one.variant) for one in made} == {(7, "specified in RFC 4122")}
    assert len(set(made)) == 2 * _MANY
    now = clock.now()
    assert (
        first_id_at(now - timedelta(minutes=1))
        < min(made)
        <= max(made)
        < first_id_at(now + timedelta(minutes=1))
    )


def test_an_identifier_by_its_bits_is_like_any_other():
    known = uuid4()

    made = uuid_of(known.int)
    assert made == known
    assert hash(made) == hash(known)
    assert (str(made), repr(made), made.is_safe) == (str(known), repr(known), known.is_safe)
    assert type(made) is UUID
    assert pickle.loads(pickle.dumps(made)) == known

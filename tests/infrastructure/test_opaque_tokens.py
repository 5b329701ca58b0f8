"""Handles and identifiers are random, and read by others."""

import re
from datetime import timedelta

from provider.infrastructure import clock
from provider.infrastructure.opaque_tokens import first_id_at, new_handle, new_id

_MANY = 500


def test_a_handle_is_43_letters_for_addresses_and_never_the_same():
    made = [new_handle() for _ in range(_MANY)]

    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", handle) for handle in made)
    assert len(set(made)) == _MANY
    assert set("".join(made)) >= {"-", "_"}
    assert new_handle("cfc_").startswith("cfc_")


def test_an_identifier_is_of_version_7_and_sorts_by_time():
    made = [new_id() for _ in range(_MANY)]

    assert {(one.version, one.variant) for one in made} == {(7, "specified in RFC 4122")}
    assert len(set(made)) == _MANY
    now = clock.now()
    assert (
        first_id_at(now - timedelta(minutes=1))
        < min(made)
        <= max(made)
        < first_id_at(now + timedelta(minutes=1))
    )

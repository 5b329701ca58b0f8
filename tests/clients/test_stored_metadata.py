"""A client's metadata is made anew when something else is stored, and only then."""

from provider.clients import stored_metadata
from provider.clients.queries import read_by_client_id
from provider.infrastructure.database import transaction
from provider.protocol.client_metadata import ClientMetadata


def test_the_same_is_made_once(red):
    made = [read_by_client_id("red").metadata_ for _ in range(2)]
    assert made[0] is made[1]
    assert made[0] == ClientMetadata.from_stored(read_by_client_id("red").registered)


def test_a_change_counts_at_once(red):
    before = read_by_client_id("red").metadata_
    with transaction():
        red.registered = red.registered | {"scope": "openid"}
    assert before.scope != "openid"
    assert read_by_client_id("red").metadata_.scope == "openid"


def test_clients_with_one_id_are_told_apart_by_what_is_stored():
    stored = [{"client_name": name} for name in ("Red", "Green")]
    made = [stored_metadata.metadata_of("red", one).client_name for one in stored * 2]
    assert made == ["Red", "Green", "Red", "Green"]


def test_no_more_than_so_many_are_kept():
    for number in range(1500):
        stored_metadata.metadata_of(f"client-{number}", {})
    assert len(stored_metadata._kept) <= stored_metadata._MOST_KEPT

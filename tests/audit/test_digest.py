"""The digest of an entry: over what it has always been over, or those that were made before break."""

from datetime import UTC, datetime
from uuid import UUID

from provider.audit.models import AuditEvent
from provider.audit.record import macs_of
from provider.infrastructure.secrets import SecretBox

OLD = "8d40d240d206067e444da50866992365faae0cbd2b48eaf762e9e6eea1cd5b82"


def test_a_name_that_is_put_in_or_taken_away_breaks_the_digest() -> None:
    box, plain, named = SecretBox(b"k" * 32), made(), made(actor_name="cleo", actor_origin="cleo@db1")

    other = made(actor_name="ben", actor_origin="cleo@db1")
    digests = {macs_of(one, box)[0] for one in (plain, named, other)}

    assert macs_of(plain, box) == (OLD,)
    assert len(digests) == 3


def test_an_entry_made_by_an_older_version_is_still_whole() -> None:
    assert macs_of(made(), SecretBox(b"k" * 32)) == (OLD,)


def made(**changes: str) -> AuditEvent:
    return AuditEvent(
        id=UUID(int=1),
        at=datetime(2026, 7, 1, 12, tzinfo=UTC),
        tag="signed_in",
        actor="account",
        account_id=UUID(int=2),
        client_id="red",
        session_id=UUID(int=3),
        logout_id=None,
        ip="192.0.2.1",
        correlation_id="c",
        detail={"amr": ["pwd"]},
        **changes,
    )

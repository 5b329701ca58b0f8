"""The digest of an entry: over what it has always been over, or those that were made before break."""

from datetime import UTC, datetime
from uuid import UUID

from provider.audit.models import AuditEvent
from provider.audit.record import mac_of
from provider.infrastructure.secrets import SecretBox


def test_an_entry_made_by_an_older_version_is_still_whole() -> None:
    old = AuditEvent(
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
    )

    digest = mac_of(old, SecretBox(b"k" * 32))

    assert digest == "8d40d240d206067e444da50866992365faae0cbd2b48eaf762e9e6eea1cd5b82"

"""Acts on the result of an examination of an app's logout endpoint."""

from collections.abc import Sequence

from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.clients.models import Client
from provider.delivery.evidence import open_trial
from provider.logout.notice import recipient_of


def conclude(client: Client, *, grade: str, failed: Sequence[str]) -> bool:
    """Record an examination; if no check failed, try the endpoint with its pending deliveries.

    Returns whether a trial was opened.
    """
    is_tried = not failed and open_trial(recipient_of(client.id))
    record(EventTag.CLIENT_EXAMINED, actor="admin", client_id=client.client_id, grade=grade, failed=failed)
    return is_tried

"""No new sign-ins at an app that cannot be notified of logouts, if the operator wants it so (DEC-09)."""

from provider.clients.models import Client
from provider.delivery.degraded import is_degraded_since
from provider.infrastructure import clock
from provider.logout.notice import recipient_of
from provider.logout.notification.logout_token import logout_url_of
from provider.protocol.errors import TemporarilyUnavailable
from provider.sessions.queries import FoundSession


def why_refused(client: Client, found: FoundSession | None) -> TemporarilyUnavailable | None:
    """Return why a sign-in cannot begin at this app now, or None if it can.

    A person who is signed in there already may go on: refusing that would end and notify nothing.
    Costs a statement only for clients with this option.
    """
    patience = client.refuse_when_degraded_for
    if patience is None or (found is not None and found.client_session is not None):
        return None
    url = logout_url_of(client)
    if url is None or not is_degraded_since(recipient_of(client.id), url, clock.now() - patience):
        return None
    return TemporarilyUnavailable(
        "this app's logout endpoint is failing; new sign-ins are refused until it can be notified of logouts",
        detail="the client has been degraded for longer than refuse_when_degraded_for",
    )

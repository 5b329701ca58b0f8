"""An app whose logout endpoint has failed for long."""

from datetime import timedelta

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.delivery.models import BreakerState, EndpointHealth
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.logout.notice import BACKCHANNEL_LOGOUT
from tests.delivery.owing import sign_out_at


def let_degrade(client: Client, span: timedelta, account: Account | None = None) -> None:
    """Let a client's endpoint have been degraded for so long, with a delivery that waits for it."""
    sign_out_at(client, account=account)
    since = clock.now() - span
    with transaction():
        db.session.add(
            EndpointHealth(
                kind=BACKCHANNEL_LOGOUT,
                recipient_id=client.id,
                url=client.metadata_.backchannel_logout_uri,
                state=BreakerState.OPEN,
                trips=9,
                consecutive_failures=9,
                window_attempts=0,
                window_failures=0,
                failing_since=since,
                degraded_since=since,
            )
        )

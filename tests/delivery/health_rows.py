"""Rows of endpoint health, as other workers have written them."""

from datetime import datetime, timedelta

from provider.clients.models import Client
from provider.delivery.models import BreakerState, EndpointHealth
from provider.infrastructure.database import db, transaction
from provider.logout.notice import BACKCHANNEL_LOGOUT


def open_breaker(client: Client, holder: str | None, until: datetime) -> None:
    """Leave an endpoint alone until then, or until then to the one worker that tries it."""
    with transaction():
        db.session.add(
            EndpointHealth(
                kind=BACKCHANNEL_LOGOUT,
                recipient_id=client.id,
                url=client.registered["backchannel_logout_uri"],
                state=BreakerState.RECOVERING if holder else BreakerState.OPEN,
                holder=holder,
                open_until=until,
                failing_since=until - timedelta(hours=1),
                trips=1,
                consecutive_failures=10,
                window_attempts=0,
                window_failures=0,
            )
        )

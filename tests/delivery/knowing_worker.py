"""A worker as far as it knows endpoints, and what it writes of them."""

from collections.abc import Mapping

from provider.clients.models import Client
from provider.delivery.attempt import AttemptResult
from provider.delivery.breaker import Transition
from provider.delivery.health import Health
from provider.delivery.judge import Accepted, RetryAt
from provider.delivery.limiter import Limiter, Limits
from provider.delivery.models import EndpointHealth
from provider.delivery.outgoing import SentRequest
from provider.delivery.recipient import Recipient
from provider.infrastructure import clock
from provider.infrastructure.database import db
from provider.logout.notice import recipient_of

LIMITS = Limits(endpoint_concurrency=99, endpoint_rate=99, address_concurrency=99, address_rate=99)
ME = "this worker"


class Worker:
    """The part of a worker that knows endpoints, and what it has announced."""

    def __init__(self, moved: Mapping[Recipient, str | None] | None = None, batch: int = 1000) -> None:
        self.limiter = Limiter(LIMITS, slots=40, permits=40)
        self.announced: list[Transition] = []
        self.health = Health(ME, self.limiter, self._announce, lambda failed: failed | (moved or {}), batch)
        self.health.refresh()
        # What was counted before the first window began would be forgotten.
        self.health.write()

    def _announce(self, _row: EndpointHealth, transition: Transition) -> None:
        self.announced.append(transition)

    def saw(self, client: Client, *outcomes: str) -> bool:
        """Count attempts with these outcomes, and write down what others must know."""
        for outcome in outcomes:
            self.health.count(recipient_of(client.id), attempted(client, outcome))
        return self.health.write(at_once=True)


def attempted(client: Client, outcome: str) -> AttemptResult:
    """Return the result of an attempt at a client with this outcome."""
    url = client.registered["backchannel_logout_uri"]
    sent = SentRequest(url=url, jti=None, name="red", outcome=outcome, status=None, latency_ms=1)
    if outcome == "accepted":
        return AttemptResult(Accepted(outcome), sent)
    return AttemptResult(RetryAt(clock.now(), outcome), sent)


def row_of(client: Client) -> EndpointHealth | None:
    """Return the health of a client's endpoint as it is in the database now."""
    db.session.commit()
    row = db.session.get(EndpointHealth, recipient_of(client.id), populate_existing=True)
    db.session.commit()
    return row

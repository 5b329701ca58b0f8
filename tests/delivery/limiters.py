"""Limiters without limits but those that a test names."""

from uuid import UUID, uuid4

from provider.delivery.limiter import Limiter, Limits
from provider.delivery.permit import Permit

RED, GREEN = uuid4(), uuid4()
WIDE = Limits(endpoint_concurrency=1000, endpoint_rate=10_000, address_concurrency=1000, address_rate=10_000)


def limiter(slots: int = 100, **limits: int) -> Limiter:
    """Make a limiter with these limits."""
    values = {name: getattr(WIDE, name) for name in Limits.__dataclass_fields__} | limits
    return Limiter(Limits(**values), slots=slots, permits=slots)


def take_all(limiter: Limiter, client_id: UUID, now: float = 0.0) -> list[Permit]:
    """Take as many permits on the way to an endpoint as there are."""
    taken = []
    while end := limiter.take(client_id, now):
        taken.append(end)
    return taken


def prove(limiter: Limiter, client_id: UUID, now: float = -1000.0) -> None:
    """Let an endpoint come up the whole ramp."""
    while not limiter.is_at_full(client_id):
        end = limiter.take(client_id, now)
        assert end
        end.release(True, None)
        now += 1

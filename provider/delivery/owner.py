"""The interface between the outbox and the rooms whose requests it sends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import case

from provider.delivery.breaker import Transition
from provider.delivery.finish import Ended
from provider.delivery.health import Announce
from provider.delivery.known_health import CurrentURLs
from provider.delivery.models import Delivery, EndpointHealth
from provider.delivery.outgoing import Builder
from provider.delivery.queries import NO_REGISTRANT, Registrant
from provider.delivery.recipient import Recipient
from provider.delivery.results import Recorder


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of delivery, with the code that makes its requests and records their results (DLV-27)."""

    name: str
    builder: Builder
    # Called inside the finishing transaction, with the deliveries that have reached their final states.
    record: Recorder
    # Called inside the transaction in which an endpoint of one of its recipients changes its state.
    announce: Announce
    # Returns the current addresses of recipients.
    current_urls: CurrentURLs
    # The SQL expression for a recipient's registrant, if recipients may register themselves.
    registrant: Registrant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The kinds that a dispatcher delivers; a second thread calls `record`.

    Deliveries of other kinds are left to workers of another release, which know them.
    """

    kinds: Sequence[Kind]

    @property
    def builders(self) -> Mapping[str, Builder]:
        """The builder of each kind."""
        return {kind.name: kind.builder for kind in self.kinds}

    @property
    def registrant(self) -> Registrant:
        """The registrant of a delivery's recipient, in SQL; NULL for the operator."""
        known = [
            (Delivery.kind == one.name, one.registrant) for one in self.kinds if one.registrant is not None
        ]
        return case(*known) if known else NO_REGISTRANT

    def record(self, ended: Sequence[Ended]) -> None:
        """Let each kind record the results of its own deliveries."""
        for kind in self.kinds:
            if of_kind := [one for one in ended if one[0].kind == kind.name]:
                kind.record(of_kind)

    def announce(self, health: EndpointHealth, transition: Transition) -> None:
        """Announce a transition to the kind that the endpoint belongs to."""
        for kind in self.kinds:
            if kind.name == health.kind:
                kind.announce(health, transition)

    def current_urls(self, failed: Mapping[Recipient, str | None]) -> dict[Recipient, str | None]:
        """Return the current addresses of recipients, as far as their kinds know them."""
        current: dict[Recipient, str | None] = {}
        for kind in self.kinds:
            if of_kind := {one: url for one, url in failed.items() if one.kind == kind.name}:
                current |= kind.current_urls(of_kind)
        return current

"""The interface between the dispatcher and the owner of deliveries."""

from collections.abc import Mapping
from dataclasses import dataclass

from provider.delivery.health import Announce
from provider.delivery.known_health import CurrentURLs
from provider.delivery.outgoing import Builder
from provider.delivery.results import Recorder


@dataclass(frozen=True, slots=True)
class Owner:
    """The functions that the owner of deliveries provides; a second thread calls `record`."""

    builders: Mapping[str, Builder]
    # Called inside the finishing transaction, with the deliveries that have reached their final states.
    record: Recorder
    announce: Announce
    current_urls: CurrentURLs

"""The interface between the outbox and the rooms whose requests it sends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from provider.delivery.finish import Ended
from provider.delivery.health import Announce
from provider.delivery.known_health import CurrentURLs
from provider.delivery.outgoing import Builder
from provider.delivery.results import Recorder


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of delivery: who makes its requests, and who records their results (DLV-27)."""

    name: str
    builder: Builder
    # Called inside the finishing transaction, with the deliveries that have reached their final states.
    record: Recorder
    # Where it calls these clients now.
    current_urls: CurrentURLs


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """What a dispatcher delivers, and who hears of the endpoints; a second thread calls `record`.

    Deliveries of other kinds are left to workers of another release, which know them.
    """

    kinds: Sequence[Kind]
    announce: Announce

    @property
    def builders(self) -> Mapping[str, Builder]:
        """The builder of each kind."""
        return {kind.name: kind.builder for kind in self.kinds}

    def record(self, ended: Sequence[Ended]) -> None:
        """Have each kind record the results of its own."""
        for kind in self.kinds:
            if of_kind := [one for one in ended if one[0].kind == kind.name]:
                kind.record(of_kind)

    def current_urls(self, failed: Mapping[UUID, str | None]) -> dict[UUID, str | None]:
        """Return where clients are called now: where they failed, as long as any kind calls them there."""
        of_kinds = [kind.current_urls(failed) for kind in self.kinds]
        current: dict[UUID, str | None] = {}
        for client_id, url in failed.items():
            urls = [of_kind[client_id] for of_kind in of_kinds if client_id in of_kind]
            current[client_id] = url if url in urls else next(iter(urls), None)
        return current

"""A kind of delivery made for tests, whose recipients are no clients."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import select

from provider.delivery import outbox
from provider.delivery.breaker import Transition
from provider.delivery.dispatch import Dispatcher
from provider.delivery.finish import Ended, state_after
from provider.delivery.models import Delivery
from provider.delivery.outbox import Owed, Owing
from provider.delivery.outgoing import (
    LeasedDelivery,
    OutgoingRequest,
    Prepared,
    Superseded,
    Undeliverable,
    form,
)
from provider.delivery.owner import Kind
from provider.delivery.recipient import Recipient
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from tests.delivery.owing import make_due

HORIZON = timedelta(hours=72)


class Weather:
    """Tells lighthouses of the weather. Nothing of it is known to the outbox."""

    def __init__(self) -> None:
        self.results: list[tuple[str, str]] = []
        self.transitions: list[Transition] = []
        self.gone: str | None = None
        self.kind = Kind(
            name="weather",
            builder=self.prepare,
            record=self.record,
            announce=lambda _, transition: self.transitions.append(transition),
            current_urls=lambda failed: failed,
        )

    def prepare(self, leased: Sequence[LeasedDelivery]) -> Mapping[UUID, Prepared]:
        return {one.id: self._decide(one) for one in leased if (one.about or {})["sky"] != "left out"}

    def record(self, ended: Sequence[Ended]) -> None:
        self.results += [(leased.subject_key, state_after(report)) for leased, report in ended]

    def _decide(self, leased: LeasedDelivery) -> Prepared:
        about = leased.about or {}
        match about.get("sky"):
            case None:
                return Undeliverable("no_sky")
            case "yesterday's":
                return Superseded()
        return partial(
            OutgoingRequest,
            url=about["url"],
            send=form(about["url"], {"sky": about["sky"]}),
            jti=None,
            name="the lighthouse",
            gone=self.gone,
        )


def owe_weather(
    to: Recipient, url: str, day: str = "monday", *, sky: str | None = "blue", cause_id: UUID | None = None
) -> Delivery:
    about = {"url": url, "sky": sky, "of": {"day": day, "clouds": [1, 2]}}
    owed = Owed(kind="weather", recipient_id=to.id, subject_key=day, about=about)
    with transaction():
        outbox.enqueue([Owing(owed, cause_id, 1)], at=clock.now(), horizon=HORIZON)
    newest = select(Delivery).where(Delivery.recipient_id == to.id).order_by(Delivery.id.desc()).limit(1)
    return db.session.scalars(newest).one()


def fail_often(dispatcher: Dispatcher, owed: Sequence[Delivery]) -> None:
    """Attempt each of these so often that the breaker of their endpoint opens."""
    for _ in range(6):
        for one in owed:
            make_due(one)
        dispatcher.drain()

"""Ada was signed in at some apps and signed out: what is owed now, and how it stands."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update

from provider.accounts.models import Account
from provider.audit.models import AuditEvent
from provider.clients.models import Client
from provider.delivery.models import Delivery, DeliveryAttempt
from provider.infrastructure.database import change, db, transaction
from provider.logout import notice
from provider.logout.end_session import end
from provider.logout.models import LogoutReason
from provider.logout.notice import LogoutNotice
from provider.logout.steps import Cause
from tests.factories import make_account, make_client, make_session
from tests.support import signing_keys


def sign_out_at(*clients: Client, account: Account | None = None, count: int = 1) -> list[Delivery]:
    """End sessions at these apps and return what is owed, in the order of the clients."""
    account = account or make_account("ada")
    logouts: list[UUID] = []
    with transaction():
        signing_keys.provide()
    for _ in range(count):
        session = make_session(account, list(clients)).session
        with transaction():
            outcome = end(session, Cause(reason=LogoutReason.USER, initiator="account"))
        assert outcome is not None
        logouts.append(outcome.logout.id)
    rows = {(row.cause_id, row.recipient_id): row for row in deliveries_of(*logouts)}
    return [rows[logout, client.id] for logout in logouts for client in clients]


def owe(
    *, port: int | None = None, settings: dict[str, object] | None = None, **metadata: object
) -> Delivery:
    """Owe red the news that Ada has signed out."""
    return sign_out_at(make_client("red", port=port, settings=settings, **metadata))[0]


def deliveries_of(*logouts: UUID) -> list[Delivery]:
    rows = list(db.session.scalars(select(Delivery).where(Delivery.cause_id.in_(logouts))))
    db.session.commit()
    return rows


def notice_of(delivery: Delivery) -> LogoutNotice:
    """Return the notice that belongs to the delivery of a logout."""
    found = notice.of(delivery)
    assert found is not None
    return found


def now_is(delivery: Delivery) -> Delivery:
    """The delivery as the database has it at this moment."""
    db.session.commit()
    found = db.session.get(Delivery, delivery.id, populate_existing=True)
    db.session.commit()
    assert found is not None
    return found


def attempts_of(delivery: Delivery) -> list[DeliveryAttempt]:
    db.session.commit()
    rows = select(DeliveryAttempt).where(DeliveryAttempt.delivery_id == delivery.id)
    found = db.session.scalars(
        rows.order_by(DeliveryAttempt.number), execution_options={"populate_existing": True}
    ).all()
    db.session.commit()
    return list(found)


def make_due(delivery: Delivery) -> None:
    """Let the time of a delivery's next attempt come."""
    with transaction():
        change(
            update(Delivery)
            .where(Delivery.id == delivery.id)
            .values(next_attempt_at=delivery.created_at - timedelta(seconds=1))
        )


def tags_of_deliveries() -> list[str]:
    tags = select(AuditEvent.tag).where(AuditEvent.tag.like("delivery_%")).order_by(AuditEvent.at)
    return list(db.session.scalars(tags))

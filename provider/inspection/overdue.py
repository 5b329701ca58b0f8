"""Retention of rows after their expiry, and how long each table's oldest row has been overdue.

The worker deletes by these spans (`worker.pruning`); the gauge shows whether it keeps up.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, literal_column, select

from provider.accounts.models import AccountLink
from provider.audit.models import AuditEvent
from provider.clients.models import UsedAssertion
from provider.clients.problems import ClientProblem
from provider.delivery.models import Delivery
from provider.infrastructure import current
from provider.infrastructure.database import db
from provider.infrastructure.repeated_requests import RepeatedRequest
from provider.interactions.models import Interaction
from provider.tokens.device_models import DeviceCode
from provider.tokens.models import AccessToken, AuthorizationCode, RefreshToken, UsedProof

Expiring = type[
    AuthorizationCode
    | AccessToken
    | RefreshToken
    | DeviceCode
    | Interaction
    | UsedAssertion
    | UsedProof
    | ClientProblem
    | AccountLink
    | RepeatedRequest
]
_NONE = timedelta(0)
_ONE: ColumnElement[int] = literal_column("1")


def kept_after_expiry() -> dict[Expiring, timedelta]:
    """Return how long expired rows are kept, so that a late replay is still recognized as one."""
    return {
        AuthorizationCode: timedelta(days=1),
        AccessToken: timedelta(days=1),
        RefreshToken: timedelta(days=7),
        DeviceCode: timedelta(days=1),
        # Long enough to explain a page that has waited too long, and no longer, because such rows are made
        # without sign-in. A pushed request must stay for as long as a request that refers to it may wait, and
        # an answered one for as long as any process could believe its seal, whatever its clock says (DEC-27).
        Interaction: max(timedelta(hours=2), current.settings().interaction_lifetime),
        UsedAssertion: timedelta(minutes=10),
        UsedProof: timedelta(minutes=10),
        ClientProblem: _NONE,
        AccountLink: timedelta(days=1),
        RepeatedRequest: _NONE,
    }


def overdue(now: datetime) -> dict[str, timedelta]:
    """Return for each table how long ago its oldest row should have been deleted; one cheap statement."""
    settings, kept = current.settings(), kept_after_expiry()
    spans = {table.__tablename__: span for table, span in kept.items()}
    spans |= {"delivery": settings.delivery_retention, "audit_event": settings.audit_retention}
    oldest: list[ColumnElement[Any]] = [
        select(func.min(table.expires_at)).scalar_subquery() for table in kept
    ]
    # Both tables are pruned in the order of creation, so their first row is the oldest.
    finished = select(Delivery.finished_at).where(Delivery.finished_at.is_not(None))
    oldest.append(finished.order_by(Delivery.id).limit(_ONE).scalar_subquery())
    linked = select(AuditEvent.at).where(AuditEvent.seq.is_not(None))
    oldest.append(linked.order_by(AuditEvent.seq).limit(_ONE).scalar_subquery())
    instants = db.session.execute(select(*oldest)).one()
    return {
        name: max(_NONE, now - span - ended_at) if ended_at else _NONE
        for (name, span), ended_at in zip(spans.items(), instants, strict=True)
    }

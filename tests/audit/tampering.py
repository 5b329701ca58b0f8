"""Changes of the audit by an attacker who writes to the database without knowing its key."""

from uuid import uuid4

from sqlalchemy import select, update

from provider.audit.models import AuditEvent
from provider.infrastructure.database import change, db, transaction

ADA = uuid4()


def tamper(*statements):
    with transaction():
        for statement in statements:
            change(statement)


def at(seq):
    return update(AuditEvent).where(AuditEvent.seq == seq)


def mac_of_entry(seq):
    return db.session.scalar(select(AuditEvent.mac).where(AuditEvent.seq == seq))


def swap():
    tamper(at(4).values(seq=-1), at(5).values(seq=4), at(-1).values(seq=5))

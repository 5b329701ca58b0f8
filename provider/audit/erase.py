"""Erase personal data from the entries about a person so that the chain still verifies (DEC-26).

The digest of an entry covers its address and device, with a random salt. Erasing removes these three, and
adds a second digest over the rest and the first digest, as proof that the provider itself erased them. The
first digest stays, because the chain is built on it. Without the salt, a guessed address cannot be tested
against it, even with the key.
"""

from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.audit.record import PERSONAL_DETAIL, erased_mac_of, is_personal
from provider.audit.verify import wrong_entry
from provider.infrastructure import event_log
from provider.infrastructure.database import db, write_gathered

_BATCH = 500


def erase(account_id: UUID) -> int:
    """Erase addresses and devices from the entries about a person; returns how many entries changed.

    The entry of an operator's act on the person keeps the operator's address. An entry that was tampered with
    stays as it is, as evidence, and is logged.
    """
    write_gathered()
    changed = 0
    for event in _entries_about(account_id):
        if not is_personal(event):
            continue
        if problems := list(wrong_entry(event)):
            event_log.error("audit_entry_not_erased", problems=problems)
            continue
        event.ip, event.salt = None, None
        event.detail = {name: value for name, value in event.detail.items() if name not in PERSONAL_DETAIL}
        event.erased = erased_mac_of(event)
        changed += 1
    db.session.flush()
    return changed


def _entries_about(account_id: UUID) -> Iterator[AuditEvent]:
    """Yield the entries, locked, a batch at a time. Served by ix_audit_event_account_id_at."""
    about = select(AuditEvent).where(AuditEvent.account_id == account_id).order_by(AuditEvent.id)
    locked = about.limit(_BATCH).with_for_update().execution_options(populate_existing=True)
    found = list(db.session.scalars(locked))
    while found:
        yield from found
        db.session.flush()
        found = list(db.session.scalars(locked.where(AuditEvent.id > found[-1].id)))

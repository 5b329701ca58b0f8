"""The active workers, which share the limits of an endpoint (DLV-13)."""

import hashlib
import os
import socket
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from provider.delivery.models import DeliveryWorker
from provider.infrastructure.database import change, db, is_sqlite
from provider.infrastructure.opaque_tokens import new_handle

SEEN_EVERY = timedelta(seconds=15)
# Three missed heartbeats.
_LIVES_FOR = SEEN_EVERY * 3
_FORGOTTEN_AFTER = timedelta(days=1)
_MARK_DIGITS = 16


def new_name() -> str:
    """Return a name for this process that is unique even among equal host names and process ids.

    Containers on their host's network share its name, and each of them numbers its processes from one.
    """
    return f"{socket.gethostname()[:100]}:{os.getpid()}:{new_handle()[:8]}"


def mark_of(name: str) -> str:
    """Return the prefix of a worker's lease tokens, by which `abandoned` finds them."""
    return hashlib.sha256(name.encode()).hexdigest()[:_MARK_DIGITS] + "."


def note_seen(name: str, now: datetime) -> int:
    """Note that a worker is alive and return how many are; in an open transaction."""
    insert = sqlite.insert if is_sqlite() else postgresql.insert
    seen = insert(DeliveryWorker).values(name=name, seen_at=now)
    db.session.execute(
        seen.on_conflict_do_update(index_elements=[DeliveryWorker.name], set_={"seen_at": now})
    )
    change(delete(DeliveryWorker).where(DeliveryWorker.seen_at < now - _FORGOTTEN_AFTER))
    return count_living(now)


def note_gone(name: str) -> None:
    """Note that a worker has stopped; in an open transaction."""
    change(delete(DeliveryWorker).where(DeliveryWorker.name == name))


def count_living(now: datetime) -> int:
    """Count the workers that were seen lately."""
    living = select(func.count()).where(DeliveryWorker.seen_at > now - _LIVES_FOR)
    return db.session.scalar(living) or 0

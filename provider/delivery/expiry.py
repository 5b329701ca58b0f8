"""End deliveries that have lost their meaning, including those that an open breaker holds (DLV-10)."""

from collections.abc import Mapping
from contextlib import AbstractContextManager

from provider.delivery.attempt import AttemptResult, prepare
from provider.delivery.lease import own
from provider.delivery.outgoing import Builder
from provider.delivery.queries import list_expired
from provider.delivery.results import Results
from provider.infrastructure import clock
from provider.infrastructure.database import reading, transaction

_BATCH = 200


def end_expired(
    write_lock: AbstractContextManager[object], builders: Mapping[str, Builder], results: Results, holder: str
) -> bool:
    """End a batch of expired deliveries under `write_lock`; return whether there may be more.

    `holder` is the name of the worker.
    """
    now = clock.now()
    with reading():
        ids = list_expired(now, _BATCH, builders)
    if not ids:
        return False
    with write_lock, transaction():
        owned = own(ids, now, holder, due=False)
    prepared = prepare(owned, builders)
    for one in owned:
        if isinstance(result := prepared[one.id], AttemptResult):
            results.add(one, result)
    return len(ids) == _BATCH

"""End deliveries that have lost their meaning, also those that an open breaker holds."""

from collections.abc import Mapping
from contextlib import AbstractContextManager

from provider.delivery.attempt import Report, prepare
from provider.delivery.claim import own
from provider.delivery.outgoing import Builder
from provider.delivery.queries import list_run_out
from provider.delivery.results import Results
from provider.infrastructure import clock
from provider.infrastructure.database import reading, transaction

_AT_ONCE = 200


def end_run_out(
    turns: AbstractContextManager[object], builders: Mapping[str, Builder], results: Results
) -> bool:
    """End a bounded number of them; returns whether there may be more. `turns` guards each transaction."""
    now = clock.now()
    with reading():
        ids = list_run_out(now, _AT_ONCE)
    if not ids:
        return False
    with turns, transaction():
        owned = own(ids, now, due=False)
    prepared = prepare(owned, builders)
    for one in owned:
        if isinstance(how := prepared[one.id], Report):
            results.add(one, how)
    return len(ids) == _AT_ONCE

"""How long a sign-out waits for its relying parties before it answers (DEC-02).

rpinitiated §2 sends the person on after the OP has notified the RPs. We read that as: everything
owed is committed, and then the first attempts have ended or the budget is used up.
"""

import time

from provider.infrastructure import current
from provider.infrastructure.database import end_read
from provider.logout.ending import LogoutOutcome
from provider.logout.results import count_untried

POLL_SECONDS = 0.015


def await_first_attempts(outcome: LogoutOutcome) -> None:
    """Wait until each first attempt has come to an end, or until the budget is used up.

    When no worker could be woken there is nothing to wait for: the next sweep delivers, and the
    person is not made to wait for it.
    """
    if not outcome.rung:
        return
    deadline = time.monotonic() + current.settings().notify_budget.total_seconds()
    while time.monotonic() < deadline and count_untried(outcome.logout.id):
        end_read()
        time.sleep(POLL_SECONDS)
    end_read()

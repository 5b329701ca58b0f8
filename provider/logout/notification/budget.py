"""How long a sign-out waits for its relying parties before it answers (DEC-02).

rpinitiated §2 sends the person on after the OP has notified the RPs. We read that as: everything
owed is committed, and then the first attempts have ended or the budget is used up. What is still
unconfirmed then is shown on the result page.
"""

import time

from provider.infrastructure import current
from provider.infrastructure.database import reading
from provider.logout.ending import LogoutOutcome
from provider.logout.notification.results import Progress, progress_of

POLL_SECONDS = 0.015


def await_first_attempts(outcome: LogoutOutcome) -> bool:
    """Wait until each first attempt has finished or the budget is used up; whether every app has confirmed.

    When no worker could be woken (there is no broker, and no worker in this process tree) there is nothing to
    wait for: the next sweep delivers, and the person is not made to wait for it.
    """
    if not outcome.is_worker_woken:
        return outcome.notifications == 0
    deadline = time.monotonic() + current.settings().notify_budget.total_seconds()
    progress = _progress_of(outcome)
    while progress.untried and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        progress = _progress_of(outcome)
    return progress.unconfirmed == 0


def _progress_of(outcome: LogoutOutcome) -> Progress:
    with reading():
        return progress_of(outcome.logout.id)

"""Show the progress of a bulk logout, and continue it while no worker does."""

import os
import socket
import sys
import time
from typing import TYPE_CHECKING
from uuid import UUID

from provider.infrastructure.database import reading
from provider.logout.bulk import walk as bulk_walk
from provider.logout.bulk.queries import find
from provider.logout.models import BulkLogout

if TYPE_CHECKING:
    from rich.progress import Progress

# Short walks keep the bar moving; while a worker does the walking, its progress is read as often.
_WALK_SECONDS, _LOOK_SECONDS = 0.5, 0.05


class BulkLogoutGone(LookupError):
    """The bulk logout being followed is no longer in the database."""


def follow(bulk_logout_id: UUID, *, quiet: bool) -> BulkLogout:
    """Wait until a bulk logout is finished or stopped, and return it; Ctrl-C ends only the waiting.

    After an interruption the workers end the remaining rows.
    """
    holder = f"{socket.gethostname()}:{os.getpid()}:logout"[:128]
    with _progress(quiet) as progress:
        bar = progress.add_task("Ending", total=None)
        try:
            while (seen := _look(bulk_logout_id)).is_running:
                progress.update(bar, total=seen.total or None, completed=seen.done)
                bulk_walk.carry_on_if_free(holder, _WALK_SECONDS)
                time.sleep(_LOOK_SECONDS)
        except KeyboardInterrupt:
            return _look(bulk_logout_id)
        progress.update(bar, total=seen.done or 1, completed=seen.done or 1)
    return seen


def how_far(ended: BulkLogout) -> str:
    """Describe the progress of a bulk logout in a sentence; the total is omitted until rows are counted."""
    if ended.stopped_at:
        return f"Stopped after {ended.done} of {ended.total} (curfew logout bulk resume {ended.id})."
    if ended.finished_at:
        rows = f"Ended {ended.done} of {ended.total} sessions and grants; the workers notify the apps"
        return f"{rows} (curfew delivery list)." if ended.total else "No session or grant was left to end."
    rows = f": {ended.done} of {ended.total} ended so far" if ended.total else ""
    return f"The workers end the sessions and grants and notify the apps{rows} (curfew logout bulk list)."


def _look(bulk_logout_id: UUID) -> BulkLogout:
    with reading():
        seen = find(bulk_logout_id)
    if seen is None:
        raise BulkLogoutGone(f"there is no bulk logout {bulk_logout_id}")
    return seen


def _progress(quiet: bool) -> "Progress":
    """Return the bar, which goes to standard error so that a pipe receives only the output."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(file=sys.stderr)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
    )

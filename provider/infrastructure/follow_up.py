"""Acts beyond the database that wait for a commit, and their results."""

from collections.abc import Callable
from typing import Generic, TypeVar

from provider.infrastructure import event_log

T = TypeVar("T")


class FollowUp(Generic[T]):
    """An act that waits for the commit, and its result from then on."""

    def __init__(self, act: Callable[[], T]) -> None:
        self._act = act
        self._result: T | None = None
        self._is_over = False

    def carry_out(self) -> None:
        """Do it. A failure is logged: the commit stands, and so does what is answered for it."""
        self._is_over = True
        try:
            self._result = self._act()
        except Exception:  # noqa: BLE001 – logged, see above.
            event_log.error("after_commit_failed", exc_info=True)

    def result(self) -> T | None:
        """Return the result, or None if it failed. Raises RuntimeError before the commit."""
        if not self._is_over:
            raise RuntimeError("what waits for the commit has no result before it")
        return self._result

"""Acts outside the database that run after a commit, and their results."""

from collections.abc import Callable
from typing import Generic, TypeVar

from provider.infrastructure import event_log

T = TypeVar("T")


class FollowUp(Generic[T]):
    """An act that runs after the commit, and then holds its result."""

    def __init__(self, act: Callable[[], T]) -> None:
        self._act = act
        self._result: T | None = None
        self._is_over = False

    def carry_out(self) -> None:
        """Run the act. A failure is logged: neither the commit nor the response to it changes."""
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

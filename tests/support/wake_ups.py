"""A broker that takes wake-ups, or one that is away."""


class RecordingWakeUps:
    """Stands for the broker."""

    def __init__(self, *, reach_a_worker: bool = True) -> None:
        self.sent: list[str] = []
        self._reach_a_worker = reach_a_worker

    def send(self, logout_id: str) -> bool:
        """Note the wake-up."""
        self.sent.append(logout_id)
        return self._reach_a_worker

"""The door to Celery: the wake-ups of workers, and the application that the worker runs.

The outbox row is the truth and a message only says "look now": it is never retried, never delayed and
acknowledged early, so that a lost one costs one sweep and nothing else (dependencies, decision 3).
"""

import threading
import time
from typing import TYPE_CHECKING, Any

from provider.config import Settings
from provider.infrastructure import event_log
from provider.infrastructure.wake_pipe import Waker

if TYPE_CHECKING:
    from celery import Celery

QUEUE = "curfew"
DELIVER = "curfew.deliver"
# A frozen broker must not hold up the request that sends a wake-up: a second at most, then none for a while.
_PUBLISH_TIMEOUT = 1.0
_SILENCE_AFTER_FAILURE = 5.0
_SENT_AT_ONCE = 10
_TRANSPORT = "provider.infrastructure.broker_transport:Transport"
# kombu waits for one second per BRPOP; a shorter socket timeout would cut every idle wait.
_CONSUME_TIMEOUT = 15.0

_SHARED_OPTIONS: dict[str, Any] = {
    "task_serializer": "json",
    "accept_content": ["json"],
    "task_ignore_result": True,
    "result_backend": None,
    "task_default_queue": QUEUE,
    "task_publish_retry": False,
    "task_send_sent_event": False,
    "worker_send_task_events": False,
    "worker_enable_remote_control": False,
}
_WORKER_OPTIONS: dict[str, Any] = {
    "broker_connection_retry_on_startup": True,
    # No limit: the sweeper works meanwhile, and no restart is needed when the broker is back.
    "broker_connection_max_retries": None,
    "task_acks_late": False,
    # Affects only late acknowledgement; set because Celery warns if it is not.
    "worker_cancel_long_running_tasks_on_connection_loss": True,
    "worker_prefetch_multiplier": 1,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "broker_transport_options": {
        "socket_timeout": _CONSUME_TIMEOUT,
        "socket_connect_timeout": 3.0,
        "socket_keepalive": True,
    },
}


class WakeUps:
    """Wakes a worker after a commit. Failures are expected: the sweepers find the row on their own."""

    def __init__(self, broker_url: str, waker: Waker | None = None) -> None:
        self._celery = _publisher(broker_url) if broker_url else None
        # Wakes the worker of this process tree, where it has one (`curfew serve --with-worker`).
        self._waker = waker
        self._publishing = threading.BoundedSemaphore(_SENT_AT_ONCE)
        self._silent_until = 0.0

    def send(self, logout_id: str) -> bool:
        """Have workers look, because a logout has deliveries to make; False if no worker was woken."""
        return self._publish(logout_id) or (self._waker is not None and self._waker.wake())

    def _publish(self, logout_id: str) -> bool:
        if self._celery is None or time.monotonic() < self._silent_until:
            return False
        from kombu.exceptions import KombuError

        if not self._publishing.acquire(blocking=False):
            # All connections are waiting for the broker, so it is slow.
            return False
        try:
            self._send(self._celery, logout_id)
        except (KombuError, OSError) as exc:
            self._silent_until = time.monotonic() + _SILENCE_AFTER_FAILURE
            event_log.warning("wake_up_failed", problem=type(exc).__name__)
            return False
        finally:
            self._publishing.release()
        return True

    @staticmethod
    def _send(celery: "Celery", logout_id: str) -> None:
        celery.send_task(
            DELIVER,
            args=[logout_id],
            # Otherwise Celery prepares texts for its logs, and declares the queue, which Redis does not need.
            argsrepr=repr([logout_id]),
            kwargsrepr="{}",
            declare=[],
            queue=QUEUE,
            retry=False,
            ignore_result=True,
        )


def make_celery(settings: Settings) -> "Celery":
    """Return the application that workers run; its tasks are declared by `provider.celery_app`."""
    from celery import Celery

    celery = Celery("curfew", broker=settings.broker_url or None, set_as_current=True)
    celery.conf.update(_SHARED_OPTIONS | _WORKER_OPTIONS)
    return celery


def _publisher(broker_url: str) -> "Celery":
    # Without a broker Celery is never imported: that takes as long as importing all of SQLAlchemy.
    from celery import Celery

    celery = Celery("curfew-wake-ups", broker=broker_url, set_as_current=False)
    celery.conf.update(_SHARED_OPTIONS)
    celery.conf.update(
        # Other schemes are read from the address by kombu's own transport.
        broker_transport=_TRANSPORT if broker_url.startswith("redis://") else None,
        broker_pool_limit=_SENT_AT_ONCE,
        broker_connection_timeout=_PUBLISH_TIMEOUT,
        broker_transport_options={
            "socket_timeout": _PUBLISH_TIMEOUT,
            "socket_connect_timeout": _PUBLISH_TIMEOUT,
            "max_retries": 0,
        },
    )
    return celery

"""The worker as a Celery application: `curfew worker`, or `celery -A provider.celery_app worker`.

Composes the application, the process that sweeps and does the duties, and the one task that a
wake-up may start. Without a broker the process works by itself.
"""

import os
import signal
import threading
import time
from types import FrameType

from celery import signals
from celery.worker import state

from provider.app import create_app
from provider.infrastructure import current, event_log, wake_pipe
from provider.infrastructure.engine import Role
from provider.infrastructure.task_queue import DELIVER, QUEUE, make_celery
from provider.worker.metrics_server import MetricsServer
from provider.worker.process import WorkerProcess

# A task only claims rows and starts attempts in the dispatcher's own threads, so few are enough.
_LISTENERS = 4
_PAUSE_BEFORE_LISTENING_AGAIN = 1.0
# Once the process tree that it belongs to is gone: a delivery under way takes no longer by default.
_SECONDS_TO_STOP = 15.0
_OPTIONS = {
    "pool_cls": "threads",
    "concurrency": _LISTENERS,
    "queues": QUEUE,
    "quiet": True,
    "without_gossip": True,
    "without_mingle": True,
    "without_heartbeat": True,
}

application = create_app(role=Role.WORKER)
with application.app_context():
    _settings = current.settings()
process = WorkerProcess(application)
celery = make_celery(_settings)


@celery.task(name=DELIVER, ignore_result=True)  # type: ignore[untyped-decorator]  # Celery ships no types.
def deliver(logout_id: object = None) -> None:
    """Act on a wake-up."""
    process.deliver(logout_id)


@signals.setup_logging.connect  # type: ignore[untyped-decorator]  # Celery ships no types.
def keep_our_logging(**_: object) -> None:
    """Keep Celery from setting up logging: it is ours, JSON lines without arguments of tasks."""


@signals.worker_init.connect  # type: ignore[untyped-decorator]  # Celery ships no types.
def start(**_: object) -> None:
    """Sweep from the first moment on, whether or not the broker can be reached."""
    try:
        process.start()
    except Exception as exc:
        # Celery would log it and go on to listen for a worker that delivers nothing.
        event_log.error("worker_not_started", exc_info=True)
        raise SystemExit(1) from exc


@signals.worker_shutdown.connect  # type: ignore[untyped-decorator]  # Celery ships no types.
def stop(**_: object) -> None:
    """Finish what runs, where Celery's own command has started us."""
    process.stop()


def run(metrics_at: tuple[str, int] | None = None, woken_by: int | None = None) -> int:
    """Work until SIGTERM or Ctrl-C and return the exit code; serve metrics at that address meanwhile.

    `woken_by` is the descriptor on which the web processes of the same process tree write.
    """
    signals.worker_shutdown.disconnect(stop)
    server = MetricsServer(application, *metrics_at) if metrics_at else None
    if server:
        server.start()
    if woken_by is not None:
        threading.Thread(target=_follow_tree, args=(woken_by,), name="wake-pipe", daemon=True).start()
    try:
        return _listen() if _settings.broker_url else _run_alone()
    finally:
        process.stop()
        if server:
            server.stop()


def _follow_tree(descriptor: int) -> None:
    """Deliver when the web processes of this tree write; stop when all of them are gone."""
    wake_pipe.listen(descriptor, process.wake)
    event_log.warning("worker_left_alone")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_SECONDS_TO_STOP)
    os._exit(1)


def _listen() -> int:
    while True:
        worker = celery.Worker(**_OPTIONS)
        worker.start()
        exit_code = int(worker.exitcode or 0)
        if exit_code == 0 or state.should_stop is not None or state.should_terminate is not None:
            return exit_code
        # Something in the broker that is no message at all ends Celery (THR-50). The sweep goes on
        # meanwhile, and the message is gone.
        event_log.warning("celery_ended", exit_code=exit_code)
        time.sleep(_PAUSE_BEFORE_LISTENING_AGAIN)


def _run_alone() -> int:
    def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
        process.ask_to_stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask_to_stop)
    process.start()
    process.wait()
    return 0

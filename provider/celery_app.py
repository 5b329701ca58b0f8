"""The worker as a Celery application: `curfew worker`, or `celery -A provider.celery_app worker`.

Composes the application, the process that sweeps and does the duties, and the one task that a
doorbell message may start. Without a broker the process works alone.
"""

import signal
from types import FrameType

from celery import signals

from provider.app import create_app
from provider.infrastructure import current
from provider.infrastructure.task_queue import DELIVER, QUEUE, make_celery
from provider.worker.process import WorkerProcess

# A task only claims rows and starts attempts in the dispatcher's own threads, so few are enough.
_LISTENERS = 4

application = create_app()
with application.app_context():
    _settings = current.settings()
process = WorkerProcess(application)
celery = make_celery(_settings)


@celery.task(name=DELIVER, ignore_result=True)  # type: ignore[untyped-decorator]  # Celery ships no types.
def deliver(logout_id: object = None) -> None:
    """Answer the doorbell."""
    process.deliver(logout_id)


@signals.setup_logging.connect  # type: ignore[untyped-decorator]  # Celery ships no types.
def keep_our_logging(**_: object) -> None:
    """Keep Celery from setting up logging: it is ours, JSON lines without arguments of tasks."""


@signals.worker_init.connect  # type: ignore[untyped-decorator]  # Celery ships no types.
def start(**_: object) -> None:
    """Sweep from the first moment on, whether or not the broker can be reached."""
    process.start()


@signals.worker_shutdown.connect  # type: ignore[untyped-decorator]  # Celery ships no types.
def stop(**_: object) -> None:
    """Finish what runs."""
    process.stop()


def run() -> int:
    """Work until SIGTERM or Ctrl-C and return the exit code."""
    if not _settings.broker_url:
        return _run_alone()
    options = [f"--queues={QUEUE}", "--pool=threads", f"--concurrency={_LISTENERS}"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return int(celery.worker_main(["--quiet", "worker", *options, *quiet]) or 0)


def _run_alone() -> int:
    def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
        process.ask_to_stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask_to_stop)
    process.start()
    process.wait()
    process.stop()
    return 0

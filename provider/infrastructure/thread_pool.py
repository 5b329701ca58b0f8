"""Threads that work inside the application, for work that waits on other machines."""

import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import ParamSpec

from flask import Flask, current_app

from provider.infrastructure import event_log
from provider.infrastructure.database import db

P = ParamSpec("P")


class ApplicationThreads:
    """A pool that runs each job in an application context, with its own database session.

    The threads keep their context, and the result of a job is not reported: at a thousand jobs a second,
    making a context, a future and its lock for each costs more than the job itself.
    """

    def __init__(self, size: int, name: str) -> None:
        self._app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 – Flask's documented way to hand the application to a thread.
        self._size = size
        self._name = name
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._unfinished = 0

    def submit(self, job: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Run a job as soon as a thread is free; what it raises is logged.

        Raises RuntimeError, without running the job, if the system cannot start even one thread.
        """
        with self._lock:
            if len(self._threads) < min(self._size, self._unfinished + 1):
                self._start_one()
            self._unfinished += 1
        self._jobs.put(partial(job, *args, **kwargs))

    def close(self) -> None:
        """Wait for the submitted jobs; jobs submitted from now on are not run."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _start_one(self) -> None:
        # An unclosed pool must not keep the process from ending; a job lost that way is found again.
        thread = threading.Thread(target=self._run, name=f"{self._name}_{len(self._threads)}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            if not self._threads:
                raise
            # The running threads do the job later; the next submission tries again to start one.
            event_log.error("thread_not_started", exc_info=True, pool=self._name)
        else:
            self._threads.append(thread)

    def _run(self) -> None:
        with self._app.app_context():
            while (job := self._jobs.get()) is not None:
                try:
                    job()
                except Exception:  # noqa: BLE001 – logged; the next job has nothing to do with it.
                    event_log.error("job_failed", exc_info=True, thread=threading.current_thread().name)
                finally:
                    with self._lock:
                        self._unfinished -= 1
                    forget_session()


def forget_session() -> None:
    """End this thread's database session; even if that fails, the next use gets a new one."""
    try:
        db.session.remove()
    except Exception:  # noqa: BLE001 – logged; what could not be rolled back is gone with its connection.
        event_log.error("session_not_ended", exc_info=True)
        db.session.registry.clear()

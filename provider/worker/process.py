"""One worker process: its dispatcher, and the threads that sweep and do the duties."""

import os
import threading
from collections.abc import Callable
from datetime import timedelta

from flask import Flask

from provider.delivery import workers
from provider.infrastructure import current, event_log
from provider.infrastructure.database_errors import AWAY, log_failure
from provider.infrastructure.one_cpu import OneCPU
from provider.infrastructure.stop_request import StopRequest
from provider.inspection import history
from provider.logout.notification.outbox import make_dispatcher
from provider.worker import tasks
from provider.worker.duties import Roster
from provider.worker.sweeper import Sweeper

_DUTY_CHECK = timedelta(seconds=1)
_CPU_CHECK = timedelta(seconds=5)


class WorkerProcess:
    """The threads of a worker, apart from the broker's consumer, from start to stop."""

    def __init__(self, app: Flask, *, concurrency: int | None = None) -> None:
        self._app = app
        self._stop = threading.Event()
        self._stop_request = StopRequest()
        holder = workers.new_name()
        self._roster = Roster(holder)
        with app.app_context():
            self._dispatcher = make_dispatcher(concurrency, holder)
            self._sweep_interval = current.settings().sweep_interval
            self._one_cpu = OneCPU() if current.settings().worker_one_cpu else None
            self._sweeper = Sweeper(self._dispatcher, holder)
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start sweeping and doing the duties; a second call changes nothing."""
        if self._threads:
            return
        if self._one_cpu is not None:
            # Before all threads are started, because they inherit the CPU.
            self._one_cpu.settle()
            self._run("cpu", _CPU_CHECK, self._one_cpu.look)
        self._sweeper.join()
        with self._app.app_context():
            self._dispatcher.start()
        self._run("sweeper", self._sweep_interval, self._sweeper.sweep)
        self._run("duties", _DUTY_CHECK, self._do_duties)
        self._run("history", history.EVERY, history.watch)
        event_log.info("worker_started", pid=os.getpid())

    def deliver(self, logout_id: object = None) -> None:
        """Act on a wake-up from the broker."""
        tasks.deliver(self._dispatcher, logout_id)

    def wake(self) -> None:
        """Look for due deliveries now."""
        self._dispatcher.wake()

    def wait(self) -> None:
        """Wait until `ask_to_stop` is called."""
        self._stop_request.wait()

    def ask_to_stop(self) -> None:
        """Let `wait` return; safe to call from a signal."""
        self._stop_request.make()

    def stop(self) -> None:
        """Start nothing more and wait for running work: at most a little longer than an outbound deadline."""
        self._stop.set()
        self._dispatcher.close()
        for thread in self._threads:
            thread.join()
        if self._threads:
            self._leave()
        if self._one_cpu is not None:
            self._one_cpu.close()
        event_log.info("worker_stopped", pid=os.getpid())

    def _leave(self) -> None:
        try:
            with self._app.app_context():
                self._sweeper.leave()
        except AWAY:
            event_log.warning("worker_left_in_silence")

    def _do_duties(self) -> None:
        self._roster.do_due(self._stop)

    def _run(self, name: str, every: timedelta, act: Callable[[], None]) -> None:
        thread = threading.Thread(target=self._repeat, args=(every, act), name=name)
        self._threads.append(thread)
        thread.start()

    def _repeat(self, every: timedelta, act: Callable[[], None]) -> None:
        """Act at once and then at every interval, each time in a fresh context, until we stop."""
        while True:
            try:
                with self._app.app_context():
                    act()
            except Exception as exc:  # noqa: BLE001 – logged; a database that is away may be back next time.
                log_failure("worker_step_failed", exc, thread=threading.current_thread().name)
            if self._stop.wait(every.total_seconds()):
                return

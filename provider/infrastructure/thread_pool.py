"""Threads that work inside the application, for work that waits on other machines."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from flask import Flask, current_app

P = ParamSpec("P")
T = TypeVar("T")


class ApplicationThreads:
    """A pool whose every job runs in an application context and a database session of its own."""

    def __init__(self, size: int, name: str) -> None:
        self._app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 – Flask's documented way to hand the application to a thread.
        self._pool = ThreadPoolExecutor(size, thread_name_prefix=name)

    def submit(self, job: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Run a job as soon as a thread is free."""
        return self._pool.submit(self._run, lambda: job(*args, **kwargs))

    def close(self) -> None:
        """Take no more jobs and wait for those that run."""
        self._pool.shutdown(wait=True)

    def _run(self, job: Callable[[], T]) -> T:
        with self._app.app_context():
            return job()

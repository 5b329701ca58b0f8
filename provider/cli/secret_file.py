"""A new file for secrets, readable only by its owner."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from provider.cli.configuration_view import show_secrets
from provider.cli.context import fail
from provider.cli.plain_text import say

Keep = Callable[[Mapping[str, str]], None]


@contextmanager
def open_secret_file(path: Path | None) -> Iterator[Keep]:
    """Yield a function that saves secrets in a new file; without a path they are shown if an error follows.

    The file is created first, so that an unusable path fails before any work is done. It is deleted if no
    secret was saved. After an error saved secrets stay: an earlier transaction may have put them into effect,
    or a commit whose response was lost.
    """
    kept: dict[str, str] = {}
    with _new_file(path) as write:

        def keep(secrets: Mapping[str, str]) -> None:
            kept.clear()
            kept.update(secrets)
            write(secrets)

        try:
            yield keep
        except BaseException:
            if kept:
                _say_where(kept, path)
            raise
        finally:
            if path and not kept:
                path.unlink(missing_ok=True)


@contextmanager
def _new_file(path: Path | None) -> Iterator[Keep]:
    if path is None:
        yield lambda _secrets: None
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as exc:
        fail(f"{path} cannot be made: {exc.strerror}")

    def write(secrets: Mapping[str, str]) -> None:
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, (json.dumps(dict(secrets), indent=2) + "\n").encode(), 0)
        os.fsync(descriptor)

    try:
        yield write
    finally:
        os.close(descriptor)


def _say_where(kept: Mapping[str, str], path: Path | None) -> None:
    """Say where the secrets are, and print them if they are in no file."""
    where = f"in {path}" if path else "these"
    say(f"curfew: the new secrets of clients that were registered before this error are {where}", err=True)
    if path is None:
        show_secrets(kept)

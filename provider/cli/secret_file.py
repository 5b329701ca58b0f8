"""A new file for secrets, readable only by its owner."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from provider.cli.context import fail

Keep = Callable[[Mapping[str, str]], None]


@contextmanager
def open_secret_file(path: Path | None) -> Iterator[Keep]:
    """Yield a function that saves secrets in a new file; without a path it does nothing.

    The file is created first, so that an unusable path fails before any work is done. It is deleted after an
    error, or if no secret was saved.
    """
    if path is None:
        yield lambda _secrets: None
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as exc:
        fail(f"{path} cannot be made: {exc.strerror}")
    kept: dict[str, str] = {}

    def keep(secrets: Mapping[str, str]) -> None:
        kept.update(secrets)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, (json.dumps(dict(secrets), indent=2) + "\n").encode(), 0)
        os.fsync(descriptor)

    try:
        yield keep
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    if not kept:
        path.unlink(missing_ok=True)

"""Files that only their owner may read: written as a whole or not at all."""

import os
import stat
import tempfile
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_private(path: Path) -> str | None:
    """Return a file's text, None without the file. Raises PermissionError if others can read it."""
    try:
        # A symbolic link could lead to another user's file.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        return None
    with os.fdopen(handle, encoding="utf-8") as file:
        if os.name == "posix" and os.fstat(handle).st_mode & _OTHERS:
            raise PermissionError("others can read this file; it needs mode 0600")
        return file.read()


def write_private(path: Path, text: str) -> None:
    """Replace a file; after a crash it is the old one or the new one."""
    make_private_folder(path.parent)
    # mkstemp creates the file with mode 0600.
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def make_private_folder(folder: Path) -> None:
    """Create a folder that only its owner can enter, unless it exists."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)

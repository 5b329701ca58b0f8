"""Whether the operator's list of common passwords can be read."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

_GZIP = b"\x1f\x8b"
_BLOCK_BYTES = 1024 * 1024


def password_list_problems(path: Path | None) -> Iterator[str]:
    """Yield what is wrong with the file; a compressed one is read to its end."""
    if path is None:
        return
    # The messages leave out the path, which may be long.
    try:
        with path.open("rb") as file:
            is_gzip = file.read(len(_GZIP)) == _GZIP
        if is_gzip:
            with gzip.open(path) as packed:
                while packed.read(_BLOCK_BYTES):
                    pass
    except (gzip.BadGzipFile, EOFError, zlib.error):
        yield "common_passwords_file is not a complete gzip file"
    except OSError as exc:
        yield f"common_passwords_file cannot be read: {exc.strerror}"
    except ValueError:
        yield "common_passwords_file: file not found"

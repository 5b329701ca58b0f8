"""Compiling the test files by several processes, before one of them collects.

pytest compiles test files in its own way and keeps the result beside them.
"""

import importlib
import os
from contextlib import suppress
from pathlib import Path

import pytest
from _pytest.assertion.rewrite import PYC_TAIL


def compile_together() -> None:
    """Import the test files that were not compiled since they were changed, by a process for each core."""
    stale = [file for file in sorted(Path("tests").rglob("test_*.py")) if not _is_compiled(file)]
    shares = [stale[first :: os.cpu_count()] for first in range(1, os.cpu_count() or 1)]
    others = [_compile_elsewhere(share) for share in shares if share]
    _import(stale[:: os.cpu_count()])
    for other in others:
        os.waitpid(other, 0)


def _is_compiled(file: Path) -> bool:
    compiled = file.parent / "__pycache__" / f"{file.stem}{PYC_TAIL}"
    return compiled.exists() and compiled.stat().st_mtime >= file.stat().st_mtime


def _compile_elsewhere(files: list[Path]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            _import(files)
        finally:
            os._exit(0)
    return pid


def _import(files: list[Path]) -> None:
    for file in files:
        # What fails here is imported once more, and reported, when it is collected.
        with suppress(Exception, pytest.skip.Exception):
            importlib.import_module(".".join(file.with_suffix("").parts))

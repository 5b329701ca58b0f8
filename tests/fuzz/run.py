"""One target under atheris, in a child of a process that has read the instrumented code once."""

import hashlib
import importlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, suppress
from io import StringIO
from pathlib import Path
from types import ModuleType

# Instrumented code takes several times as long as the code itself.
_CPU_SECONDS = 2.0
_INSTRUMENTED = [
    "provider",
    "relying_party_demo",
    "curfew_rp",
    "joserfc",
    "jwt",
    "authlib.oauth2",
    "werkzeug",
]


def load() -> tuple[ModuleType, dict[str, Callable[[bytes], None]]]:
    """Return atheris and the targets, which are instrumented while they are imported."""
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        sys.exit("atheris is not installed: `make fuzz` does that, on Linux and x86-64")
    # It names each module that it changes.
    with redirect_stderr(StringIO()), atheris.instrument_imports(include=_INSTRUMENTED):
        targets: dict[str, Callable[[bytes], None]] = importlib.import_module("tests.fuzz.targets").TARGETS
    return atheris, targets


def in_child(atheris: ModuleType, target: Callable[[bytes], None], options: Sequence[str], log: Path) -> int:
    """Feed a target until libFuzzer's options say that it is enough; return the exit code."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    # Whatever happens, the child must not go on with the parent's work.
    with suppress(BaseException):
        with log.open("w") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        _fuzz(atheris, target, options, log.parent)
    os._exit(1)


def _fuzz(atheris: ModuleType, target: Callable[[bytes], None], options: Sequence[str], folder: Path) -> None:
    from tests.fuzz.mutator import mutator
    from tests.fuzz.site import provider

    def run(data: bytes) -> None:
        begun = time.process_time()
        try:
            target(data)
            spent = time.process_time() - begun
            assert spent < _CPU_SECONDS, f"{spent:.1f} s for {len(data)} bytes"
        except Exception:
            # libFuzzer keeps what killed the process, and not what raised.
            (folder / f"crash-{hashlib.sha256(data).hexdigest()[:16]}").write_bytes(data)
            raise

    def change(data: bytes, size: int) -> bytes:
        # Looked up late: atheris puts the real one there when fuzzing begins.
        changed: bytes = atheris.Mutate(data, size)
        return changed

    with provider():
        atheris.Setup(["fuzz", *options], run, custom_mutator=mutator(change))
        atheris.Fuzz()

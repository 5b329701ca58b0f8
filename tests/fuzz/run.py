"""One target under atheris, in a process of its own: `python -m tests.fuzz.run TARGET [options]`."""

import sys
import time
from types import ModuleType

# Each run of instrumented code takes several times as long as the code itself.
_CPU_SECONDS = 2.0
_INSTRUMENTED = ["provider", "relying_party_demo", "joserfc", "jwt", "authlib.oauth2", "werkzeug"]


def main() -> None:
    """Feed the target until the options, which are libFuzzer's, say that it is enough."""
    atheris = _atheris()
    with atheris.instrument_imports(include=_INSTRUMENTED):
        from tests.fuzz.house import provider
        from tests.fuzz.mutator import mutator
        from tests.fuzz.targets import TARGETS
    name, *options = sys.argv[1:]
    target = TARGETS[name]

    def run(data: bytes) -> None:
        begun = time.process_time()
        target(data)
        spent = time.process_time() - begun
        assert spent < _CPU_SECONDS, f"{spent:.1f} s for {len(data)} bytes"

    def change(data: bytes, size: int) -> bytes:
        # Looked up late: atheris puts the real one there when fuzzing begins.
        changed: bytes = atheris.Mutate(data, size)
        return changed

    with provider():
        atheris.Setup([name, *options], run, custom_mutator=mutator(change))
        atheris.Fuzz()


def _atheris() -> ModuleType:
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed: `make fuzz` does that, on Linux and x86-64")
    module: ModuleType = atheris
    return module


if __name__ == "__main__":
    main()

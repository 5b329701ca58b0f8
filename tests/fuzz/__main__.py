"""`make fuzz`: every target for some minutes, one after the other, and a table of what ran.

What is found lies in `.fuzz/TARGET/` as `crash-…`, `timeout-…` or `oom-…`: put the file into
`tests/fuzz/corpus/TARGET/`, and the normal tests replay it from then on.
"""

import argparse
import re
import sys
from pathlib import Path

from tests.fuzz.run import in_child, load

HERE = Path(__file__).parent
FOUND = Path(".fuzz")
_SECONDS_FOR_ONE, _MEGABYTES, _MOST_BYTES = 20, 3000, 4096


def main() -> int:
    """Run the targets; return 1 if any of them failed."""
    asked = argparse.ArgumentParser(prog="python -m tests.fuzz")
    asked.add_argument(
        "targets", nargs="*", metavar="TARGET", help="a folder of tests/fuzz/corpus; all if none"
    )
    asked.add_argument("--minutes", type=float, default=10, help="for each target")
    chosen = asked.parse_args()
    atheris, targets = load()
    if unknown := set(chosen.targets) - set(targets):
        asked.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(targets)}")
    failed = 0
    for name in chosen.targets or targets:
        log = FOUND / name / "log"
        code = in_child(atheris, targets[name], _options(name, chosen.minutes), log)
        failed += code != 0
        _report(name, code, log)
    print(f"{failed} failed" if failed else "no target failed")  # noqa: T201 – a command.
    return 1 if failed else 0


def _options(name: str, minutes: float) -> list[str]:
    folder = FOUND / name
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    options = {
        "max_total_time": int(minutes * 60),
        "timeout": _SECONDS_FOR_ONE,
        "rss_limit_mb": _MEGABYTES,
        "max_len": _MOST_BYTES,
        "print_final_stats": 1,
        "artifact_prefix": f"{folder}/",
        "dict": HERE / "tokens.dict",
    }
    # New finds are kept in the first folder; the second one is only read.
    corpora = [str(folder / "corpus"), str(HERE / "corpus" / name)]
    return [*(f"-{option}={value}" for option, value in options.items()), *corpora]


def _report(name: str, code: int, log: Path) -> None:
    text = log.read_text(errors="replace")
    runs, seconds = (
        re.search(rf"{what}[^\d]*(\d+)", text) for what in ("executed_units:", "Done .* runs in")
    )
    found = sorted(path.name for path in log.parent.iterdir() if re.match("crash|timeout|oom", path.name))
    print(  # noqa: T201
        f"{name:<20} {'ok' if code == 0 else 'FAILED':<7} {runs[1] if runs else '?':>10} runs in "
        f"{seconds[1] if seconds else '?'} s {' '.join(found)}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())

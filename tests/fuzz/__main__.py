"""`make fuzz`: every target for some minutes, one after the other, and a table of what ran.

What is found lies in `.fuzz/TARGET/` as `crash-…`, `timeout-…` or `oom-…`: put the file into
`tests/fuzz/corpus/TARGET/`, and the normal tests replay it from then on.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

from tests.fuzz.targets import TARGETS

HERE = Path(__file__).parent
FOUND = Path(".fuzz")
_SECONDS_FOR_ONE, _MEGABYTES, _MOST_BYTES = 20, 3000, 4096


def main() -> int:
    """Run the targets and return how many of them failed."""
    asked = argparse.ArgumentParser(prog="python -m tests.fuzz")
    asked.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all if none")
    asked.add_argument("--minutes", type=float, default=10, help="for each target")
    options = asked.parse_args()
    if unknown := set(options.targets) - set(TARGETS):
        asked.error(f"unknown: {', '.join(sorted(unknown))}")
    failed = sum(not _run(name, options.minutes) for name in options.targets or TARGETS)
    print(f"{failed} failed" if failed else "no target failed")  # noqa: T201 – a command.
    return 1 if failed else 0


def _run(name: str, minutes: float) -> bool:
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
    said = [f"-{option}={value}" for option, value in options.items()]
    with (folder / "log").open("w") as log:
        command = [sys.executable, "-m", "tests.fuzz.run", name, *said, *corpora]
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
    text = (folder / "log").read_text(errors="replace")
    runs = re.search(r"number_of_executed_units: *(\d+)", text)
    peak = re.search(r"peak_rss_mb: *(\d+)", text)
    found = sorted(
        path.name for path in folder.iterdir() if path.name.startswith(("crash", "timeout", "oom"))
    )
    print(  # noqa: T201
        f"{name:<20} {'ok' if code == 0 else 'FAILED':<7} {runs[1] if runs else '?':>10} runs, "
        f"{peak[1] if peak else '?'} MB {' '.join(found)}",
        flush=True,
    )
    return code == 0


if __name__ == "__main__":
    sys.exit(main())

"""The mutation score of tokens, logout and delivery: `make mutants`, explained in docs/design/mutants.md.

mutmut changes one expression at a time and runs the tests that reach it. The score is the share of mutants
that the tests kill, of those that the type checker lets pass. Below 90 % the command fails.
"""

import argparse
import contextlib
import os
import random
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

LEAST = 0.9
MUTMUT = Path(sys.executable).with_name("mutmut")
# A mutant that makes a test wait for ever is noticed as well.
KILLED = ("killed", "timeout", "segfault")
LEFT_OUT = ("caught by type check", "not checked", "skipped", "check was interrupted by user")


def main() -> int:
    options = _read_options()
    names = _choose(_generate(), options.modules, options.sample, options.seed)
    # Without names mutmut goes on where an earlier run was stopped.
    chosen = sorted(names) if options.modules or options.sample else []
    # It calls the type checker by its name.
    environ = os.environ | {"PATH": f"{MUTMUT.parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run([MUTMUT, "run", f"--max-children={options.jobs}", *chosen], check=False, env=environ)
    return _report(names, options.survivors)


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", help="modules to look at, e.g. tokens.liveness; all by default")
    parser.add_argument("--sample", type=int, help="at most so many mutants of each module, chosen by chance")
    parser.add_argument("--seed", type=int, default=1, help="another sample")
    parser.add_argument("--jobs", type=int, default=1, help="how many mutants are tried at a time")
    parser.add_argument("--survivors", action="store_true", help="show what was changed in each survivor")
    return parser.parse_args()


def _generate() -> dict[str, list[str]]:
    """Write the mutants and return their names by module."""
    # mutmut lists mutants only together with running them.
    from mutmut.__main__ import create_mutants, walk_mutatable_files
    from mutmut.mutation.data import SourceFileMutationData
    from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir

    Path("mutants").mkdir(exist_ok=True)
    # Each file that is looked at is printed.
    with contextlib.redirect_stdout(None):
        copy_src_dir()
        copy_also_copy_files()
        create_mutants(1)
    found: dict[str, list[str]] = defaultdict(list)
    for path in walk_mutatable_files():
        known = SourceFileMutationData(path=path)
        known.load()
        for name in known.exit_code_by_key:
            found[_module_of(name)].append(name)
    return found


def _choose(found: dict[str, list[str]], modules: list[str], sample: int | None, seed: int) -> set[str]:
    unknown = set(modules) - found.keys()
    if unknown:
        sys.exit(f"no mutants of {', '.join(sorted(unknown))}; known are {', '.join(sorted(found))}")
    chosen: set[str] = set()
    for module in modules or found:
        names = sorted(found[module])
        some = random.Random(f"{seed}/{module}")
        chosen.update(names if sample is None else some.sample(names, min(sample, len(names))))
    return chosen


def _report(names: set[str], with_changes: bool) -> int:
    states = _states()
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for name in names:
        counts[_module_of(name)][states.get(name, "not checked")] += 1
    total = sum(counts.values(), Counter[str]())
    print(f"{'module':32}{'mutants':>8}{'types':>8}{'tried':>8}{'killed':>8}{'score':>8}")
    for module, counted in [*sorted(counts.items()), ("all", total)]:
        tried, killed = _tried(counted), sum(counted[state] for state in KILLED)
        score = f"{killed / tried:.1%}" if tried else "-"
        types = counted["caught by type check"]
        print(f"{module:32}{sum(counted.values()):8}{types:8}{tried:8}{killed:8}{score:>8}")
    survivors = sorted(n for n in names if states.get(n) not in (*KILLED, *LEFT_OUT, None))
    for name in survivors:
        print(_change_of(name) if with_changes else f"{states[name]}: {name}")
    tried = _tried(total)
    return int(not tried or sum(total[state] for state in KILLED) / tried < LEAST)


def _tried(counted: Counter[str]) -> int:
    return sum(counted.values()) - sum(counted[state] for state in LEFT_OUT)


def _states() -> dict[str, str]:
    lines = _ask("results", "--all", "true").splitlines()
    return dict(line.strip().split(": ", 1) for line in lines if ": " in line)


def _change_of(name: str) -> str:
    return _ask("show", name)


def _ask(*arguments: str) -> str:
    return subprocess.run([MUTMUT, *arguments], check=True, capture_output=True, text=True).stdout


def _module_of(name: str) -> str:
    """Return `tokens.liveness` for `provider.tokens.liveness.x_find_code__mutmut_3`."""
    return name.rpartition(".")[0].removeprefix("provider.")


if __name__ == "__main__":
    sys.exit(main())

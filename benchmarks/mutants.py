"""The mutation score of tokens, logout and delivery: `make mutants`, explained in docs/design/mutants.md.

mutmut makes the mutants, each with one expression changed, and the type checker refuses most of them.
`benchmarks.mutant_trials` runs the tests against the others. The score is the share that they kill; below
90 % the command fails.
"""

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.mutant_trials import KILLED, NAMES, TIMEOUT

if TYPE_CHECKING:
    from mutmut.mutation.data import SourceFileMutationData

LEAST = 0.9
BIN = Path(sys.executable).parent
FOLDER = Path("mutants")
REFUSED = 37
# A mutant that makes a test wait for ever is detected as well.
DETECTED = (KILLED, TIMEOUT)


def main() -> int:
    options = _read_options()
    # mutmut calls the type checker by its name.
    os.environ["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    found = _generate()
    names = _choose(found, options.modules, options.sample, options.seed)
    results = _known() | dict.fromkeys(_refused(), REFUSED)
    # What was killed stands; survivors are tried again, because there may be new tests.
    to_try = [name for name in names if results.get(name) not in (*DETECTED, REFUSED)]
    # Those first that have never been tried.
    to_try.sort(key=lambda name: (name in results, name))
    limit = [] if options.seconds is None else [f"--seconds={options.seconds}"]
    results |= _try(to_try, [f"--jobs={options.jobs}", *limit, *options.tests])
    _save(results)
    return report({name: results[name] for name in names if name in results}, options.survivors)


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", help="modules to look at, e.g. tokens.liveness; all by default")
    parser.add_argument("--sample", type=int, help="at most so many mutants of each module, chosen by chance")
    parser.add_argument("--seed", type=int, default=1, help="another sample")
    parser.add_argument("--jobs", type=int, default=1, help="how many mutants are tried at a time")
    parser.add_argument(
        "--seconds", type=float, help="CPU time of tests for each mutant; no limit by default"
    )
    parser.add_argument("--tests", nargs="+", default=[], help="paths of tests to run instead of all")
    parser.add_argument("--survivors", action="store_true", help="show what was changed in each survivor")
    return parser.parse_args()


def _generate() -> dict[str, list[str]]:
    """Write the mutants and return their names by module."""
    from mutmut.__main__ import copy_also_copy_files, copy_src_dir, create_mutants

    FOLDER.mkdir(exist_ok=True)
    # Each file that is looked at is printed.
    with contextlib.redirect_stdout(None):
        copy_src_dir()
        copy_also_copy_files()
        create_mutants(1)
    found: dict[str, list[str]] = defaultdict(list)
    for known in _data():
        for name in known.exit_code_by_key:
            found[_module_of(name)].append(name)
    return found


def _data() -> "Iterator[SourceFileMutationData]":
    from mutmut.__main__ import walk_mutatable_files
    from mutmut.mutation.data import SourceFileMutationData

    for path in walk_mutatable_files():
        known = SourceFileMutationData(path=path)
        known.load()
        yield known


def _known() -> dict[str, int]:
    """Return the results of earlier runs; mutmut forgets those of functions that have changed."""
    return {name: code for one in _data() for name, code in one.exit_code_by_key.items() if code is not None}


def _save(results: dict[str, int]) -> None:
    """Keep the results where `mutmut results` and `mutmut browse` look for them."""
    for one in _data():
        one.exit_code_by_key |= {name: results.get(name) for name in one.exit_code_by_key}
        one.save()


def _refused() -> list[str]:
    """Return the mutants that cannot be committed, because the type checker refuses them."""
    from mutmut.mutation.file_mutation import filter_mutants_with_type_checker

    return list(filter_mutants_with_type_checker())


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


def _try(names: list[str], arguments: list[str]) -> dict[str, int]:
    """Try mutants, and return what was found, also when it was interrupted."""
    wanted, results = FOLDER / "names.json", FOLDER / "results.jsonl"
    wanted.write_text(json.dumps(names))
    results.write_text("")
    command = [sys.executable, "-m", "benchmarks.mutant_trials", wanted.name, results.name, *arguments]
    if names:
        with contextlib.suppress(KeyboardInterrupt):
            subprocess.run(command, check=False, cwd=FOLDER)
    return dict(json.loads(line) for line in results.read_text().splitlines())


def report(results: dict[str, int], with_changes: bool) -> int:
    """Print the score of each module and the survivors; returns 1 if the score is too low."""
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    for name, code in results.items():
        counts[_module_of(name)][code] += 1
    total = sum(counts.values(), Counter[int]())
    print(f"{'module':32}{'mutants':>8}{'types':>8}{'tried':>8}{'killed':>8}{'score':>8}")
    for module, counted in [*sorted(counts.items()), ("all", total)]:
        tried, killed = _tried(counted), sum(counted[code] for code in DETECTED)
        score = f"{killed / tried:.1%}" if tried else "-"
        print(f"{module:32}{counted.total():8}{counted[REFUSED]:8}{tried:8}{killed:8}{score:>8}")
    for name in sorted(name for name, code in results.items() if code not in (*DETECTED, REFUSED)):
        print(_change_of(name) if with_changes else f"{NAMES.get(results[name], 'failed')}: {name}")
    tried = _tried(total)
    return int(not tried or sum(total[code] for code in DETECTED) / tried < LEAST)


def _tried(counted: Counter[int]) -> int:
    return counted.total() - counted[REFUSED]


def _change_of(name: str) -> str:
    return subprocess.run([BIN / "mutmut", "show", name], check=True, capture_output=True, text=True).stdout


def _module_of(name: str) -> str:
    """Return `tokens.liveness` for `provider.tokens.liveness.x_find_code__mutmut_3`."""
    return name.rpartition(".")[0].removeprefix("provider.")


if __name__ == "__main__":
    sys.exit(main())

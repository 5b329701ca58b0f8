"""Find the tests that reach a function, and those to run first against its mutants."""

import math
from collections import defaultdict
from collections.abc import Iterable
from itertools import accumulate

import pytest

_RECENT = 12
# One second of a test's CPU time weighs as much as this many additional functions that it reaches.
_WIDTH_OF_A_SECOND = 40


class Reach:
    """The tests that reach each function, and the order in which to try them."""

    def __init__(self) -> None:
        self._reaching: defaultdict[str, list[pytest.Item]] = defaultdict(list)
        # The CPU time of each test, and how many functions it reaches.
        self._seconds: dict[pytest.Item, float] = {}
        self._breadth: dict[pytest.Item, int] = {}
        # The tests that killed mutants of a function or module, the latest first.
        self._killers: defaultdict[str, list[pytest.Item]] = defaultdict(list)

    def add(self, test: pytest.Item, functions: Iterable[str], seconds: float) -> None:
        """Note a test that has passed, with the functions that it reached."""
        reached = list(functions)
        self._seconds[test], self._breadth[test] = seconds, len(reached)
        for function in reached:
            self._reaching[function].append(test)

    def one_of_each_file(self) -> list[pytest.Item]:
        """Return a test of each file."""
        return list({test.path: test for test in self._seconds}.values())

    def count(self, function: str) -> int:
        """Return how many tests reach a function."""
        return len(self._reaching[function])

    def seconds(self, tests: Iterable[pytest.Item]) -> float:
        """Return the CPU time of tests."""
        return sum(self._seconds[test] for test in tests)

    def note_killer(self, killer: pytest.Item, function: str) -> None:
        """Note that a test has killed a mutant."""
        for key in (function, _module_of(function)):
            others = [one for one in self._killers[key] if one is not killer]
            self._killers[key] = [killer, *others][:_RECENT]

    def in_order(self, function: str, budget: float = math.inf) -> list[pytest.Item]:
        """Return the tests that reach a function, up to a budget of CPU seconds.

        First come recent killers of mutants of the function or module, then tests in files named like the
        module, then tests of its room; within each group, the more specific and quicker ones.
        """
        module = _module_of(function)
        recent = [*self._killers[function], *self._killers[module]]
        room, stem = module.split(".")[1], module.rpartition(".")[2]

        def rank(test: pytest.Item) -> tuple[int, bool, bool, float]:
            latest = recent.index(test) if test in recent else len(recent)
            cost = self._breadth[test] + _WIDTH_OF_A_SECOND * self._seconds[test]
            return latest, stem not in test.path.stem, room not in test.path.parts, cost

        tests = sorted(self._reaching[function], key=rank)
        before = accumulate((self._seconds[test] for test in tests), initial=0.0)
        return [test for test, spent in zip(tests, before, strict=False) if spent < budget]


def function_of(mutant: str) -> str:
    """Return `provider.tokens.liveness.x_find_code` for `provider.tokens.liveness.x_find_code__mutmut_3`."""
    return mutant.partition("__mutmut_")[0]


def _module_of(function: str) -> str:
    return function.rpartition(".")[0]

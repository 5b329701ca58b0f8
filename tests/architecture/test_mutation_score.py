"""The tests that `make mutants` chooses, and its report on the results."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.mutant_reach import Reach
from benchmarks.mutant_trials import KILLED, SURVIVED, TIMEOUT
from benchmarks.mutants import REFUSED, report

FUNCTION, NEIGHBOUR = "provider.tokens.refresh.x_rotate", "provider.tokens.refresh.x_issue"


@dataclass(frozen=True)
class FakeTest:
    """A test of pytest's, as far as it matters here."""

    path: Path


@pytest.fixture
def tests() -> dict[str, Any]:
    rooms = dict.fromkeys(("slow", "wide", "quick", "refresh"), "tokens") | {"cheap": "elsewhere"}
    return {name: FakeTest(Path(f"tests/{room}/test_{name}.py")) for name, room in rooms.items()}


@pytest.fixture
def reach(tests: dict[str, Any]) -> Reach:
    reach = Reach()
    reach.add(tests["cheap"], [FUNCTION], 0.0625)
    reach.add(tests["slow"], [FUNCTION], 2.0)
    reach.add(tests["wide"], [FUNCTION, *(f"another.x_{number}" for number in range(60))], 0.25)
    reach.add(tests["quick"], [FUNCTION], 0.125)
    reach.add(tests["refresh"], [FUNCTION, NEIGHBOUR], 4.0)
    return reach


def names(tests: dict[str, Any], found: list[Any]) -> list[str]:
    return [name for one in found for name, test in tests.items() if test is one]


def test_the_file_of_the_module_comes_first_then_quick_and_special_tests_of_its_room(reach, tests) -> None:
    assert names(tests, reach.in_order(FUNCTION)) == ["refresh", "quick", "wide", "slow", "cheap"]
    assert names(tests, reach.in_order(NEIGHBOUR)) == ["refresh"]
    assert reach.in_order("provider.tokens.refresh.x_unknown") == []


def test_what_has_killed_the_like_comes_before_all_others(reach, tests) -> None:
    reach.note_killer(tests["wide"], NEIGHBOUR)
    reach.note_killer(tests["slow"], NEIGHBOUR)

    assert names(tests, reach.in_order(FUNCTION)) == ["slow", "wide", "refresh", "quick", "cheap"]


def test_a_budget_ends_with_the_test_that_exceeds_it(reach, tests) -> None:
    assert names(tests, reach.in_order(FUNCTION, 4.0)) == ["refresh"]
    assert names(tests, reach.in_order(FUNCTION, 4.1)) == ["refresh", "quick"]


@pytest.mark.parametrize(("survivors", "code"), [(1, 0), (2, 1)], ids=["90 %", "less"])
def test_a_score_below_the_least_fails(capsys, survivors, code) -> None:
    states = [KILLED] * (9 - survivors) + [TIMEOUT] * (survivors == 1) + [TIMEOUT] + [SURVIVED] * survivors
    results = {f"{FUNCTION}__mutmut_{number}": state for number, state in enumerate(states)}
    results[f"{NEIGHBOUR}__mutmut_1"] = REFUSED

    assert report(results, with_changes=False) == code

    said = capsys.readouterr().out.splitlines()
    tried, killed = len(states), len(states) - survivors
    row = [str(tried + 1), "1", str(tried), str(killed), f"{killed / tried:.1%}"]
    assert said[1].split() == ["tokens.refresh", *row]
    assert len(said) == 3 + survivors
    assert said[-1].startswith(f"survived: {FUNCTION}__mutmut_")

"""The distribution of a run's tests to its processes."""

import pytest

from tests.support.distribution import LARGEST_PIECE, choose, may_wait, units_of


def test_a_group_is_a_unit_and_a_slow_test_without_one_too():
    nodeids = ["a.py::test_x@shared", "b.py::test_y[1]@shared", "b.py::test_z@alone", "b.py::test_w[1]@alone"]

    assert list(units_of(nodeids).values()) == ["shared", "shared", *nodeids[2:]]


def test_the_tests_of_a_file_go_together_in_pieces():
    many = [f"a.py::test_x[{number}]" for number in range(LARGEST_PIECE + 1)]

    units = units_of([*many, "b.py::test_y[ada@example.test]"])

    assert len(set(units.values())) == 3
    assert len({units[nodeid] for nodeid in many[:LARGEST_PIECE]}) == 1
    assert units[many[0]] != units[many[-1]]


@pytest.mark.parametrize(
    ("units", "may_wait", "chosen"),
    [
        pytest.param(["demo", "a.py 0"], True, "demo", id="the first while another process does not wait"),
        pytest.param(["demo", "faults", "a.py 0", "b.py 0"], False, "a.py 0", id="one that does not wait"),
        pytest.param(["demo", "faults"], False, "demo", id="the first if all of them wait"),
        pytest.param(["a.py 0", "b.py 0"], False, "a.py 0", id="the first if none of them waits"),
    ],
)
def test_a_process_that_may_not_wait_is_handed_what_does_not(units, may_wait, chosen):
    assert choose(units, {"demo", "faults"}, may_wait=may_wait) == chosen


@pytest.mark.parametrize(("processes", "waiting"), [(1, 1), (2, 1), (3, 2), (4, 2), (6, 3)])
def test_half_of_the_processes_have_tests_that_wait(processes, waiting):
    assert sum(may_wait(others, processes) for others in range(processes)) == waiting

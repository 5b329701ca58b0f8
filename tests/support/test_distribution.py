"""The distribution of a run's tests to its processes."""

from tests.support.distribution import LARGEST_PIECE, units_of


def test_a_group_is_a_unit_and_a_slow_test_without_one_too():
    nodeids = ["a.py::test_x@shared", "b.py::test_y[1]@shared", "b.py::test_z@alone", "b.py::test_w[1]@alone"]

    assert list(units_of(nodeids).values()) == ["shared", "shared", *nodeids[2:]]


def test_the_tests_of_a_file_go_together_in_pieces():
    many = [f"a.py::test_x[{number}]" for number in range(LARGEST_PIECE + 1)]

    units = units_of([*many, "b.py::test_y[ada@example.test]"])

    assert len(set(units.values())) == 3
    assert len({units[nodeid] for nodeid in many[:LARGEST_PIECE]}) == 1
    assert units[many[0]] != units[many[-1]]

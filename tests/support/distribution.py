"""The tests that go together to a process of the run, and their order.

Tests that wait for processes come first, so that none of them is the last to run while others have nothing
left to do. Half of the processes of the run have them at a time, since all of them together would leave the
machine idle while they wait. All other tests go by files: what a file needs, such as applications with its
settings and their compiled SQL, is then made in one process.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import pytest
from xdist.scheduler import LoadGroupScheduling
from xdist.workermanage import WorkerController

SLOW = ("processes", "browser", "interop", "waits")
# Computes for seconds. As one of the last tests it would leave the other processes without work.
LENGTHY = "lengthy"
# The group of a slow test that may run anywhere; it marks the test for the process that distributes them.
ALONE = "alone"
# A file with more tests goes in pieces, so that the last one of a run is short.
LARGEST_PIECE = 40


def arrange(items: list[pytest.Item]) -> None:
    """Put slow tests first, then lengthy ones, and files with many tests before smaller ones.

    Slow tests are marked with their groups. Those with a fixture of their module stay together: each process
    of the run would make it otherwise.
    """
    marks = {item: {marker.name for marker in item.iter_markers()} for item in items}
    slow = {item for item in items if not marks[item].isdisjoint(SLOW)}
    slow_files = {item.path for item in slow}
    for item in items:
        if item.path in slow_files and "xdist_group" not in marks[item]:
            if _has_module_fixture(item):
                item.add_marker(pytest.mark.xdist_group(str(item.path)))
            elif item in slow:
                item.add_marker(pytest.mark.xdist_group(ALONE))
    units = {item: _unit_of(item) for item in items}
    sizes = Counter(units.values())
    places = {unit: place for place, unit in reversed([*enumerate(units.values())])}

    def place_of(item: pytest.Item) -> tuple[bool, bool, int, int]:
        return item not in slow, LENGTHY not in marks[item], -sizes[units[item]], places[units[item]]

    items.sort(key=place_of)


def _has_module_fixture(item: pytest.Item) -> bool:
    defined = item._fixtureinfo.name2fixturedefs.values() if isinstance(item, pytest.Function) else ()
    return any(fixture[-1].scope == "module" for fixture in defined)


def _unit_of(item: pytest.Item) -> str:
    marker = item.get_closest_marker("xdist_group")
    group = str(marker.args[0]) if marker else str(item.path)
    return item.nodeid if group == ALONE else group


def group_of(nodeid: str) -> str:
    """Return the group of a test that waits, as a process of the run reports it; nothing for all others."""
    return nodeid.rpartition("@")[2] if nodeid.rfind("@") > nodeid.rfind("]") else ""


def units_of(nodeids: Iterable[str]) -> dict[str, str]:
    """Return the unit of each test."""
    in_file: Counter[str] = Counter()
    units = {}
    for nodeid in nodeids:
        group = group_of(nodeid)
        file = nodeid.partition("::")[0]
        units[nodeid] = group if group != ALONE else nodeid
        if not group:
            units[nodeid] = f"{file} {in_file[file] // LARGEST_PIECE}"
            in_file[file] += 1
    return units


def choose(units: Iterable[str], waiting: set[str], *, may_wait: bool) -> str:
    """Return the unit to hand out next: the first one, or the first that does not wait while there is one."""
    first, *others = units
    if may_wait or first not in waiting:
        return first
    return next((unit for unit in others if unit not in waiting), first)


def may_wait(others_waiting: int, processes: int) -> bool:
    """Return whether one more process may have tests that wait: at most half of them do, rounded up."""
    return others_waiting < (processes + 1) // 2


class Scheduling(LoadGroupScheduling):
    """Hands out units in the order of their first tests; those that wait to at most half of the processes."""

    _units: dict[str, str]
    _waiting: set[str]
    # The place of each test, which all processes have collected in the same order.
    _places: dict[str, int]

    def schedule(self) -> None:
        if self.collection is None:
            collected: Sequence[str] = next(iter(self.registered_collections.values()))
            self._units = units_of(collected)
            self._places = {nodeid: place for place, nodeid in enumerate(collected)}
            self._waiting = {unit for nodeid, unit in self._units.items() if group_of(nodeid)}
        super().schedule()

    def _assign_work_unit(self, node: WorkerController) -> None:
        others_wait = sum(self._has_to_wait(other) for other in self.nodes if other is not node)
        is_free_to_wait = may_wait(others_wait, len(self.nodes))
        unit = choose(self.workqueue, self._waiting, may_wait=is_free_to_wait)
        # The original looks for each test in the list of all, which takes seconds of a run.
        tests = self.assigned_work.setdefault(node, {})[unit] = self.workqueue.pop(unit)
        node.send_runtest_some([self._places[nodeid] for nodeid, done in tests.items() if not done])

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        super().mark_test_complete(node, item_index, duration)
        # After each test the original counts what is left of all that a process was ever given.
        assigned = self.assigned_work[node]
        for unit in [unit for unit, tests in assigned.items() if all(tests.values())]:
            del assigned[unit]

    def _has_to_wait(self, node: WorkerController) -> bool:
        return any(unit in self._waiting for unit in self.assigned_work.get(node, {}))

    def _split_scope(self, nodeid: str) -> str:
        return self._units[nodeid]

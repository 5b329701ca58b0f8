"""Test files that pytest can collect together."""

from collections import defaultdict

from tests.architecture.sources import ROOT


def test_no_two_test_files_outside_packages_have_one_name():
    places = defaultdict(list)
    for file in (ROOT / "tests").rglob("test_*.py"):
        if not (file.parent / "__init__.py").exists():
            places[file.name].append(str(file.relative_to(ROOT)))

    assert {name: found for name, found in places.items() if len(found) > 1} == {}

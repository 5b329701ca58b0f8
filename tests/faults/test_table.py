"""The table of faults names every fault of the list once, and only tests that exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import tests.faults

FOLDER = Path(__file__).parent
# The numbers 17 to 19 were never given out.
LISTED = {*range(1, 17), *range(20, 51)}


def entries() -> Iterator[tuple[str, str]]:
    """Each row: its numbers, and what stands beside them."""
    text = re.sub(r"\n {14}", " ", tests.faults.__doc__ or "")
    for line in text.splitlines():
        if line.startswith("FLT-"):
            yield line[4:14].strip(), line[14:]


def numbers_of(text: str) -> Iterator[int]:
    for part in text.split(", "):
        first, _, last = part.partition(" to ")
        yield from range(int(first), int(last or first) + 1)


def test_every_fault_is_listed() -> None:
    listed = {number for numbers, _ in entries() for number in numbers_of(numbers)}
    assert listed == LISTED


def test_the_tests_that_are_named_exist() -> None:
    missing = []
    for _, said in entries():
        for module, names in re.findall(r"\b(test_\w+): ([a-z]+_[a-z_]+(?:, [a-z]+_[a-z_]+)*)", said):
            source = (FOLDER / f"{module}.py").read_text()
            missing += [name for name in names.split(", ") if f"def test_{name}(" not in source]
    assert missing == []

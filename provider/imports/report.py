"""The report of an import: what was taken over, changed or left out, and why."""

from collections import Counter
from dataclasses import dataclass, field

_MOST_EXAMPLES = 5


@dataclass(slots=True)
class Remark:
    """One sentence that applies to several objects, some of them listed as examples."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """The report of one import, whose size does not grow with the number of people."""

    # By "client" or "person", and by "taken", "already here" or "not taken".
    counts: dict[str, Counter[str]] = field(
        default_factory=lambda: {"client": Counter(), "person": Counter()}
    )
    changed: dict[str, Remark] = field(default_factory=dict)
    not_taken: dict[str, Remark] = field(default_factory=dict)
    # Secrets that were generated because the export has none.
    secrets: dict[str, str] = field(default_factory=dict, repr=False)

    def count(self, kind: str, outcome: str) -> None:
        """Count an object."""
        self.counts[kind][outcome] += 1

    def note_change(self, key: str, sentence: str) -> None:
        """Note a difference of an object from its original."""
        _note(self.changed, key, sentence)

    def note_loss(self, key: str, sentence: str) -> None:
        """Note that an object, or part of it, was not taken over."""
        _note(self.not_taken, key, sentence)


def _note(remarks: dict[str, Remark], key: str, sentence: str) -> None:
    remark = remarks.setdefault(sentence, Remark())
    remark.count += 1
    if len(remark.examples) < _MOST_EXAMPLES:
        remark.examples.append(key)

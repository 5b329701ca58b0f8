"""Findings of an examination: grade, observation, meaning and fix."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """The grade of a finding, from best to worst; a check that could not run is `skipped`."""

    PASS = "pass"  # noqa: S105 – a grade, not a password.
    SKIPPED = "skipped"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check."""

    check: str
    grade: Grade
    saw: str
    # Sentences for people; empty if there is no problem.
    meaning: str = ""
    fix: str = ""
    latency_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """An examination of one app's logout endpoint."""

    client_id: str
    url: str
    findings: Sequence[Finding]

    @property
    def grade(self) -> Grade:
        """The worst grade among the findings."""
        order = list(Grade)
        return max((one.grade for one in self.findings), key=order.index, default=Grade.PASS)

"""Findings of an examination: grade, observation, meaning and fix."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """The grade of an app, from best to worst; a check that could not run has no grade of its own."""

    PASS = "pass"  # noqa: S105 – a grade, not a password.
    SKIPPED = "skipped"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    check: str
    grade: Grade
    saw: str
    # Sentences for people; empty where all is well.
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
        """The worst grade that was given."""
        order = list(Grade)
        return max((one.grade for one in self.findings), key=order.index, default=Grade.PASS)

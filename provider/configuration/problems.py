"""Problems of a configuration, each with its file, line and field."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class ConfigurationProblem:
    """One problem; the sentence continues after the name of the field."""

    file: str
    line: int
    field: str
    sentence: str

    def __str__(self) -> str:
        about = f"{self.field} " if self.field else ""
        return f"{self.file}:{self.line}: {about}{self.sentence}"


class InvalidConfiguration(Exception):
    """The files cannot be applied; holds every problem in the order of the lines."""

    def __init__(self, problems: Iterable[ConfigurationProblem]) -> None:
        self.problems = sorted(set(problems))
        super().__init__("; ".join(map(str, self.problems)))

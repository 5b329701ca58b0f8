"""The terminal: lines for the person, and questions."""

import sys
from dataclasses import dataclass, field
from typing import TextIO

_RED, _PLAIN = "\x1b[31m", "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Terminal:
    """The terminal that shows lines and reads answers."""

    output: TextIO = field(default_factory=lambda: sys.stdout)
    source: TextIO = field(default_factory=lambda: sys.stdin)

    def say(self, line: str) -> None:
        """Show a line."""
        self.output.write(f"{line}\n")
        self.output.flush()

    def ask_red(self, question: str) -> bool:
        """Ask before something that cannot be undone; anything but yes counts as no."""
        marked = f"{_RED}{question}{_PLAIN}" if self.output.isatty() else question
        self.output.write(f"{marked} [y/N] ")
        self.output.flush()
        return self.source.readline().strip().lower() in {"y", "yes"}

    def read_line(self, prompt: str) -> str | None:
        """Read a line; None at the end of the input."""
        self.output.write(prompt)
        self.output.flush()
        return self.source.readline() or None

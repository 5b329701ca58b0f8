"""The interface of each product's export."""

from collections.abc import Iterator
from typing import Protocol

from provider.imports.foreign import ForeignClient, ForeignPerson
from provider.imports.report import Report


class Source(Protocol):
    """The files of one export."""

    def clients(self, report: Report) -> Iterator[ForeignClient]:
        """Yield the clients that have a meaning here, and report the rest. Raises UnreadableExport."""

    def people(self, report: Report) -> Iterator[ForeignPerson]:
        """Yield the people, and report what is not taken over. Raises UnreadableExport."""

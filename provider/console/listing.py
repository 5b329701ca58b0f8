"""One page of a list, and the parameters of its request: filters and the position in the list.

The position is the identifier of the last row before the page, never a number of rows (keyset). It is part of
the address, like the filters, so that a page can be shared, reloaded and gone back to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from flask import request, url_for

from provider.web.cursors import read_cursor
from provider.web.parameters import read_parameters

ROWS = 50
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[Row]):
    """The rows of one page, and the addresses of the next and the first page."""

    rows: Sequence[Row]
    next_url: str | None = None
    first_url: str | None = None


@dataclass(slots=True)
class Asked:
    """The query of a list; the page shows its mistakes."""

    values: dict[str, Any]
    mistakes: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, *names: str) -> "Asked":
        """Read the filters with these names, without surrounding spaces; an empty one counts as not given."""
        given = read_parameters(request)
        values = {name: given[name].strip() for name in names if name in given}
        return cls({name: value for name, value in values.items() if value})

    def get(self, name: str) -> str | None:
        """Return a filter, or None."""
        value: str | None = self.values.get(name)
        return value

    def instant(self, name: str) -> datetime | None:
        """Return a filter as an instant, which is in UTC as `datetime-local` fields write it."""
        written = self.get(name)
        if written is None:
            return None
        try:
            read = datetime.fromisoformat(written)
        except ValueError:
            self.mistakes.append(f"{name} must be a date and time such as 2026-03-01T12:00 (UTC).")
            return None
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def place(name: str = "after") -> UUID | None:
    """Return the position in a list from the address. Raises InvalidRequest."""
    return read_cursor(name, read_parameters(request).get(name))


def listing(
    found: Sequence[Row], last: UUID | None, endpoint: str, asked: Mapping[str, Any], limit: int
) -> Listing[Row]:
    """Return a page of a list; an extra row in `found` shows that there is another. `last` is the cursor."""
    more = len(found) > limit
    return Listing(
        rows=found[:limit],
        next_url=url_for(endpoint, **asked, after=last) if more else None,
        first_url=url_for(endpoint, **asked) if place() else None,
    )

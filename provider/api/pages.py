"""Paging of lists: each page begins after the last entry of the previous one."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from provider.protocol.errors import InvalidRequest
from provider.web.cursors import read_cursor

MOST = 100
USUAL = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """The part of a list that a request asks for."""

    limit: int = USUAL
    after: UUID | None = None

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> "PageRequest":
        """Read `limit` and `after`. Raises InvalidRequest if the cursor is not an identifier (ABU-54)."""
        return cls(limit=_limit(parameters.get("limit")), after=read_cursor("after", parameters.get("after")))


def _limit(asked: str | None) -> int:
    if asked is None:
        return USUAL
    if not (asked.isascii() and asked.isdigit() and len(asked) < 4 and 1 <= int(asked) <= MOST):
        raise InvalidRequest(f"limit must be a number from 1 to {MOST}")
    return int(asked)

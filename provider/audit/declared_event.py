"""The declaration of an audit event: its tag, its meaning and the fields of its entries."""

from enum import StrEnum
from typing import Self


class DeclaredEvent(StrEnum):
    """One kind of audit entry."""

    meaning: str
    # Identifiers (columns of the entry) and members of its detail.
    fields: tuple[str, ...]

    def __new__(cls, value: str, meaning: str = "", fields: str = "") -> Self:
        """Return a tag; `fields` are separated by spaces."""
        tag = str.__new__(cls, value)
        tag._value_ = value
        tag.meaning = meaning
        tag.fields = tuple(fields.split())
        return tag

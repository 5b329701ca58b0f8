"""NumericDate (rfc7519 §2): the instants in tokens that others signed."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


class MalformedDate(ValueError):
    """A claim is not an instant; the message names it."""


def read(claims: Mapping[str, Any], name: str) -> datetime | None:
    """Return the instant of a claim, or None if the token lacks it. Raises MalformedDate.

    NaN compares false with every instant and 10**400 is later than all of them, so neither would ever expire:
    an instant must be a finite number of seconds within the calendar, and not a boolean.
    """
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MalformedDate(f"{name} is not a number of seconds")
    try:
        if not math.isfinite(value):
            raise MalformedDate(f"{name} is not a finite number")
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError) as exc:
        raise MalformedDate(f"{name} is not a valid date") from exc

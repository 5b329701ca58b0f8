"""JSON that others signed: an object that means the same to every reader, or nothing."""

import json
import math
from typing import Any, TypeGuard


def read_object(text: bytes) -> dict[str, Any]:
    """Return the JSON object of a token's header or payload; raises ValueError.

    A name that stands there twice has two meanings under one signature (rfc7519 §4 lets a reader refuse it),
    and NaN or Infinity, which are no JSON, are numbers that no comparison refuses.
    """
    try:
        value = json.loads(
            text.decode(), object_pairs_hook=_without_repetition, parse_constant=_finite, parse_float=_finite
        )
    except RecursionError as exc:
        # A thousand levels fit into the size limit and exhaust the parser's stack.
        raise ValueError("nested too deeply") from exc
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 – the text is wrong, not the caller's type.
    return value


def is_numeric_date(value: object) -> TypeGuard[float]:
    """Whether a claim is an instant (rfc7519 §2): a number, not a boolean, that the calendar can hold."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _END_OF_CALENDAR


# 9999-12-31; an integer of 400 digits is more than any date, and more than a float can be compared with.
_END_OF_CALENDAR = 253402300800


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands there twice")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is not finite")
    return number

"""Read JSON that another party signed: an object that means the same to every reader, or an error."""

import json
import math
from typing import Any, TypeGuard

# 9999-12-31; an integer of 400 digits is later than any date, and too large for a float.
_END_OF_CALENDAR = 253402300800


def read_object(text: bytes) -> dict[str, Any]:
    """Return the JSON object of a token's header or payload; raises ValueError.

    A repeated member has two meanings under one signature (rfc7519 §4 lets a reader refuse it). NaN and
    Infinity are not JSON, and comparisons would not reject them.
    """
    try:
        value = json.loads(
            text.decode(), object_pairs_hook=_without_repetition, parse_constant=_finite, parse_float=_finite
        )
    except RecursionError as exc:
        # A thousand levels fit into the size limit of a token and exhaust the parser's stack.
        raise ValueError("nested too deeply") from exc
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 – the text is wrong, not the caller's type.
    return value


def is_numeric_date(value: object) -> TypeGuard[float]:
    """Return whether a claim is an instant (rfc7519 §2): a number, not a boolean, within the calendar."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _END_OF_CALENDAR


def is_identifier(value: object, limit: int = 255) -> TypeGuard[str]:
    """Return whether a claim is a text of 1 to `limit` characters that every database can store."""
    # JSON can contain one half of a surrogate pair, which has no encoding, and NUL, which PostgreSQL rejects.
    return isinstance(value, str) and 0 < len(value) <= limit and not any(map(_is_unstorable, value))


def _is_unstorable(letter: str) -> bool:
    return letter == "\0" or "\ud800" <= letter <= "\udfff"


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is repeated")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is not finite")
    return number

"""A JSON object that a stranger sends: read so that it means one thing, and can be kept and written again."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from provider.protocol.errors import InvalidRequest

# More than any document of a specification needs; each level costs a call when it is written again.
_DEEPEST = 20
# NUL, and half a character: JSON can hold both, no database can take either out of it again.
_UNSAYABLE = re.compile("[\0\ud800-\udfff]")


def read_json_object(body: bytes | str) -> dict[str, Any]:
    """Return the JSON object that a body holds. Raises InvalidRequest.

    One with a name twice means two things; numbers that are none, such as NaN, no database can keep.
    """
    try:
        value = json.loads(
            body,
            object_pairs_hook=_without_repetition,
            parse_constant=_finite,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as exc:
        raise InvalidRequest("the body must be a JSON object") from exc
    if not isinstance(value, dict):
        raise InvalidRequest("the body must be a JSON object")
    if _is_deep(value):
        raise InvalidRequest(f"the body has more than {_DEEPEST} levels")
    return value


def is_sayable(value: object) -> bool:
    """Return whether every text in a JSON value, names included, is one that a database can read again."""
    rest = [value]
    while rest:
        inner = rest.pop()
        if isinstance(inner, str) and _UNSAYABLE.search(inner):
            return False
        rest += [*_members(inner), *(inner if isinstance(inner, Mapping) else ())]
    return True


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


def _is_deep(value: object) -> bool:
    level: list[object] = [value]
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in _members(outer)]
        if not level:
            return False
    return True


def _members(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []

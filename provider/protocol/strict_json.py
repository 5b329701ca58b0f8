"""The one JSON reader for documents from outside, signed or posted (rfc8259).

It accepts fewer texts than `json.loads`: a document must mean the same to every reader, and a database
must be able to store it.
"""

import json
import math
from typing import Any

# More than any document of a specification needs; each level costs a call when the document is serialised.
DEEPEST = 20


class MalformedJSON(ValueError):
    """The text is not one plain JSON document; the message says why."""


def load(text: bytes | str) -> Any:
    """Return the value of a JSON text. Raises MalformedJSON.

    Encodings other than UTF-8 (§8.1), repeated names in an object (§4), NaN and numbers beyond a double (§6),
    and more than 20 levels (§9) are refused.
    """
    try:
        # A byte order mark may be ignored, other encodings are not detected: a signature covers bytes.
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        value = json.loads(
            decoded, object_pairs_hook=_without_repetition, parse_constant=_finite, parse_float=_finite
        )
    except MalformedJSON:
        raise
    except (ValueError, RecursionError) as exc:
        raise MalformedJSON("the document is not JSON") from exc
    if _is_deep(value):
        raise MalformedJSON(f"the document has more than {DEEPEST} levels")
    return value


def load_object(text: bytes | str) -> dict[str, Any]:
    """Return the JSON object that a text holds. Raises MalformedJSON."""
    value = load(text)
    if not isinstance(value, dict):
        raise MalformedJSON("the document is not a JSON object")
    return value


def members_of(value: object) -> list[object]:
    """Return the direct members of an object or a list, without names."""
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        # Readers differ in which of the two they use, so a signature would cover two meanings.
        raise MalformedJSON("an object has the same name twice")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise MalformedJSON("a number is not finite")
    return number


def _is_deep(value: object) -> bool:
    level: list[object] = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in members_of(outer)]
        if not level:
            return False
    return True

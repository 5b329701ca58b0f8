"""The JSON of columns, several times faster than by the standard library and with the same result."""

import json
from typing import Any

import msgspec


def read_json(text: str | bytes | memoryview) -> Any:
    """Return the value of a JSON text. Raises ValueError for anything else."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        # An unpaired surrogate, or a number beyond a float: the standard library reads what it has written.
        return json.loads(text if isinstance(text, str) else bytes(text))


def write_json(value: Any) -> str:
    """Return the JSON text of a value, in ASCII alone: a database may have any encoding."""
    try:
        text = msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError):
        # An unpaired surrogate, or a type that only the standard library supports, or neither does.
        return json.dumps(value)
    return text.decode() if text.isascii() else json.dumps(value)

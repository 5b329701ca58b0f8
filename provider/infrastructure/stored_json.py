"""Reading the JSON of columns, several times faster than by the standard library and with the same result."""

import json
from typing import Any

import msgspec


def read_json(text: str | bytes | memoryview) -> Any:
    """Return the value of a JSON text. Raises ValueError for anything else."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        # Half a character, or a number beyond a float: the standard library takes what it has written.
        return json.loads(text if isinstance(text, str) else bytes(text))

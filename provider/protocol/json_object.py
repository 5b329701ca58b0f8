"""A JSON object in a request: read strictly, with the error that the endpoints send."""

import re
from collections.abc import Mapping
from typing import Any

from provider.protocol import strict_json
from provider.protocol.errors import InvalidRequest

# NUL and unpaired surrogates: JSON can contain both, and no database can return either.
_UNSAYABLE = re.compile("[\0\ud800-\udfff]")


def read_json_object(body: bytes | str) -> dict[str, Any]:
    """Return the JSON object that a body holds. Raises InvalidRequest."""
    try:
        return strict_json.load_object(body)
    except strict_json.MalformedJSON as exc:
        raise InvalidRequest(f"the body must be a JSON object: {exc}") from exc


def is_sayable(value: object) -> bool:
    """Return whether a database can store and return every string in a JSON value, names included."""
    rest = [value]
    while rest:
        inner = rest.pop()
        if isinstance(inner, str) and _UNSAYABLE.search(inner):
            return False
        rest += [*strict_json.members_of(inner), *(inner if isinstance(inner, Mapping) else ())]
    return True

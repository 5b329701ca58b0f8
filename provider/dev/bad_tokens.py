"""Bad Logout Tokens that name what a good one names: an app that accepts one ends a real session."""

import base64
import json
from collections.abc import Callable
from typing import Any

from provider.inspection.specimens import KINDS, Claims, Specimens

_AN_HOUR = 3600
_MAKERS: dict[str, Callable[[Specimens, str], str]] = KINDS | {
    "from the future": lambda made, _: made.wrong(iat=made.now() + _AN_HOUR, exp=made.now() + 2 * _AN_HOUR)
}
# A replay is a delivery that is doubled.
BAD_TOKENS = tuple(kind for kind in _MAKERS if kind != "replayed jti")


def make_bad(good: str, kind: str) -> str:
    """Return the bad token of a kind, like `wrong aud`, that says otherwise what a good one says."""
    header, claims = read_parts(good)
    return _MAKERS[kind](Specimens(alg=header["alg"], make_claims=lambda: dict(claims)), good)


def read_parts(token: str) -> tuple[dict[str, Any], Claims]:
    """Return the header and claims of a token that the provider itself has just made."""
    header, payload = (json.loads(_decoded(part)) for part in token.split(".")[:2])
    return header, payload


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

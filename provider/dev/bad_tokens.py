"""Bad Logout Tokens that name what a good one names: an app that accepts one ends a real session."""

import base64
import json
from typing import Any

from provider.inspection.specimens import KINDS, Claims, Specimens

# For a replayed token, the fault `doubled` sends a delivery twice.
BAD_TOKENS = tuple(kind for kind in KINDS if kind != "replayed jti")


def make_bad(good: str, kind: str) -> str:
    """Return a bad token of a kind such as `wrong aud`, otherwise with the content of a good one."""
    header, claims = read_parts(good)
    return KINDS[kind](Specimens(alg=header["alg"], make_claims=lambda: dict(claims)), good)


def read_parts(token: str) -> tuple[dict[str, Any], Claims]:
    """Return the header and claims of a token that the provider itself has just made."""
    header, payload = (json.loads(_decoded(part)) for part in token.split(".")[:2])
    return header, payload


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

"""Changes JSON as JSON: bytes that are changed by chance are seldom a document any more.

Every other time libFuzzer changes bytes as it always does, so that broken documents are tried too.
"""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from provider.oauth.authorization.parameters import KNOWN_PARAMETERS
from provider.protocol.client_metadata import FIELDS

Mutate = Callable[[bytes, int], bytes]
_NAMES = (
    *(
        "alg",
        "kid",
        "typ",
        "crit",
        "b64",
        "jwk",
        "x5c",
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "nbf",
        "jti",
        "sid",
    ),
    *("events", "nonce", "htm", "htu", "ath", "acr", "amr", "keys", "kty", "crv", "x", "y", "n", "e", "use"),
    *("software_id", "software_statement", "client_name#de", "sub_id", "format", "userinfo", "id_token"),
    *sorted(FIELDS),
    *sorted(KNOWN_PARAMETERS),
)
_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf")),
    *("", "\0", "\ud800", "a" * 300, "red", "https://red.test/cb", "http://127.0.0.1/cb", "https://[", "a:b"),
    *("http://localhost:8900", "ES256", "none", "openid", "code", "JWT", "\u202e", "\u3164", "AQAB", "*"),
    *([], [[]], [""], [7], {}, {"": 1}, {"keys": []}, ["a", "a"], "1796212800", 1796212800),
)


def mutator(by_bytes: Mutate) -> Callable[[bytes, int, int], bytes]:
    """Return a mutator for atheris: of documents, one in each line or one in all."""

    def mutate(data: bytes, largest: int, seed: int) -> bytes:
        chance = Random(seed)
        changed = _changed(data, chance) if chance.random() < 0.5 else None
        return changed[:largest] if changed else by_bytes(data, largest)

    return mutate


def _changed(data: bytes, chance: Random) -> bytes | None:
    parts = data.split(b"\n")
    place = chance.randrange(len(parts))
    # The bodies of requests stand behind two bytes, which choose where they go.
    start = 0 if parts[place][:1] in (b"{", b"[") else 2
    try:
        document = json.loads(parts[place][start:])
    except (ValueError, RecursionError):
        return None
    for _ in range(chance.choice((1, 1, 2, 4))):
        document = _edited(document, chance)
    text = json.dumps(document, ensure_ascii=chance.random() < 0.5, separators=(",", ":"))
    if chance.random() < 0.1 and text.endswith("}") and len(text) > 2:
        # What no writer writes: a name twice.
        text = f'{text[:-1]},"{chance.choice(_NAMES)}":{json.dumps(chance.choice(_VALUES))}}}'
    parts[place] = parts[place][:start] + text.encode("utf-8", "surrogatepass")
    return b"\n".join(parts)


def _edited(value: Any, chance: Random) -> Any:
    """Change one place in a value."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        name = chance.choice(list(value))
        match chance.randrange(5):
            case 0:
                return {key: inner for key, inner in value.items() if key != name}
            case 1:
                return value | {chance.choice(_NAMES): chance.choice(_VALUES)}
            case 2:
                return value | {chance.choice(_NAMES): value[name]}
            case _:
                return value | {name: _edited(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        place = chance.randrange(len(value))
        inner = _edited(value[place], chance)
        return chance.choice(([*value, inner], [*value[:place], inner, *value[place + 1 :]], value * 2))
    if isinstance(value, str) and value and chance.random() < 0.5:
        place = chance.randrange(len(value) + 1)
        return (
            value[:place]
            + chance.choice(("", "#", "/", " ", "\0", "%", "@", ":", "ä", "\u200b"))
            + value[place + 1 :]
        )
    return chance.choice(_VALUES)

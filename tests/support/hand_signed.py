"""Signed tokens as no library makes them: header and claims are texts, valid JSON or not."""

import base64
import json
from collections.abc import Callable

from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry

Edit = Callable[[str], str]


def hand_signed(key: ECKey, top: dict[str, object], said: dict[str, object], /, **edits: Edit) -> str:
    """An ES256 token over the texts that `edits` make of header and claims."""
    texts = {"header": json.dumps(top), "claims": json.dumps(said)}
    for name, edit in edits.items():
        texts[name] = edit(texts[name])
    signed = f"{_encoded(texts['header'])}.{_encoded(texts['claims'])}"
    return f"{signed}.{_encoded(JWSRegistry.algorithms['ES256'].sign(signed.encode(), key))}"


def with_member(name: str, value: str) -> Edit:
    """An edit that adds a member at the end of an object, whether or not the object has one of that name."""
    return lambda text: f'{text[:-1]}, "{name}": {value}}}'


def _encoded(value: str | bytes) -> str:
    raw = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

"""Requests that are sealed into their address, so that nothing is written before the first answer (DEC-27).

A sealed request belongs to one handle and one browser, expires, and holds no answer of a person (THR-59). It
cannot show whether it was answered: the row does, which the first answer makes.
"""

import json
import struct
from base64 import urlsafe_b64encode
from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidTag

from provider.infrastructure import clock, current
from provider.infrastructure.one_row import row_of
from provider.infrastructure.opaque_tokens import digest_of
from provider.interactions.models import Interaction, InteractionKind

_LABEL = "sealed-request"
# The digest of the browser's binding cookie, and the instants of creation and expiry.
_HEAD = struct.Struct(">32sdd")
_decode: Callable[[str], Any] = json.JSONDecoder().decode


def seal(
    handle: str,
    kind: InteractionKind,
    parameters: Mapping[str, Any],
    *,
    browser: str,
    answers: Mapping[str, Any],
) -> str | None:
    """Return the sealed request for the address with this new handle; None if it would be too long."""
    settings, now = current.settings(), clock.now()
    until = now + settings.interaction_lifetime
    head = _HEAD.pack(bytes.fromhex(digest_of(browser)), now.timestamp(), until.timestamp())
    plain = head + json.dumps([kind, parameters, answers], separators=(",", ":")).encode()
    sealed = urlsafe_b64encode(current.secret_box().encrypt_for(_LABEL, handle, plain)).rstrip(b"=")
    return sealed.decode() if len(sealed) <= settings.sealed_request_bytes else None


def unseal(handle: str, sealed: str | None) -> Interaction | None:
    """Return the request that was sealed for this handle, of whatever browser and age; None for a forgery.

    It is not a row, and does not know the answers that were given.
    """
    plain = _open(handle, sealed) if sealed else None
    if plain is None:
        return None
    browser, created_at, expires_at = _HEAD.unpack_from(plain)
    kind, parameters, answers = _decode(plain[_HEAD.size :].decode())
    values = {
        "handle_digest": digest_of(handle),
        "browser_digest": browser.hex(),
        "kind": kind,
        "parameters": parameters,
        "answers": answers,
        "created_at": datetime.fromtimestamp(created_at, UTC),
        "expires_at": datetime.fromtimestamp(expires_at, UTC),
        "sealed": sealed,
    }
    return row_of(Interaction, values)


def _open(handle: str, sealed: str) -> bytes | None:
    try:
        # Padding beyond what is needed is ignored.
        raw = a2b_base64(sealed.replace("-", "+").replace("_", "/") + "==")
    except NotBase64:
        return None
    # Another process may have sealed it with a newer data key, which this one has to load first.
    for box in (current.secret_box, current.data_keys().look_again):
        with suppress(InvalidTag):
            return box().decrypt_for(_LABEL, handle, raw)
    return None

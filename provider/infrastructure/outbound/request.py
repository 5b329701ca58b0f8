"""Outgoing requests: exactly what the caller passed, and the headers that it may not set itself."""

import re
from collections.abc import Mapping

from provider.infrastructure.outbound.target import Target

USUAL = {"User-Agent": "Curfew", "Accept": "*/*"}
# LIB-21: no body is decoded, so none may come encoded.
FIXED = {"Accept-Encoding": "identity"}
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# rfc9110 §5.5.
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def message(method: str, target: Target, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """Return a whole request (rfc9112 §3). Raises ValueError for a header that cannot be sent."""
    fields = {name.lower(): (name, value) for name, value in (USUAL | dict(headers) | FIXED).items()}
    fields["host"] = ("Host", target.authority)
    if body:
        fields["content-length"] = ("Content-Length", str(len(body)))
    lines = [f"{method} {target.request_target} HTTP/1.1"]
    for name, value in fields.values():
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
            raise ValueError(f"not a header: {name!r}")
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode("iso-8859-1") + body

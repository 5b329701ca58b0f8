"""The identifiers of resource servers (rfc8707 §2), and the scopes that are left for one."""

import re
from collections.abc import Collection, Iterable, Mapping

from provider.protocol.errors import InvalidTarget

MOST_RESOURCES = 10
LONGEST_IDENTIFIER = 2000
# rfc3986 §4.3 in plain ASCII; rfc8707 §2: 'MUST be an absolute URI' and 'MUST NOT include a fragment'.
_ABSOLUTE_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+")


class MalformedIdentifier(ValueError):
    """The text cannot identify a resource server; the message says why."""


def check_identifier(text: str) -> None:
    """Raise MalformedIdentifier unless a text may name a resource server."""
    if len(text) > LONGEST_IDENTIFIER:
        raise MalformedIdentifier(f"is longer than {LONGEST_IDENTIFIER} characters")
    if "#" in text:
        raise MalformedIdentifier("has a fragment")
    if not _ABSOLUTE_URI.fullmatch(text):
        raise MalformedIdentifier("is not an absolute URI")


def read_resources(parameters: Mapping[str, str]) -> tuple[str, ...]:
    """Return the resources that a request names, each once; whether they exist is checked elsewhere."""
    named = tuple(dict.fromkeys(parameters.get("resource", "").split()))
    for identifier in named:
        try:
            check_identifier(identifier)
        except MalformedIdentifier as exc:
            raise InvalidTarget(f"a resource {exc}") from exc
    return named


def narrowed(scopes: Iterable[str], offered: Collection[str]) -> list[str]:
    """Return the scopes that a resource server offers; one that lists none accepts all (rfc8707 §2.2)."""
    return [scope for scope in scopes if not offered or scope in offered]

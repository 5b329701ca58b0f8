"""The parameters of a protocol request, read once and strictly.

rfc6749 §3.1, §3.2: a parameter without a value counts as omitted, and none may be sent more than
once. A name that is in both the query and the body is sent twice, whichever of them a library would prefer.
The exception is rfc8707 §2: 'Multiple resource parameters MAY be used'.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from provider.protocol.errors import InvalidRequest

# More parameters than any request needs, and few enough that reading them costs little.
MOST_PARAMETERS = 100
# Several values are kept as one string with spaces between them: a resource is a URI, which has no spaces.
REPEATABLE = frozenset({"resource"})
# The name of a request body that is not a form, among the flaws of a request.
UNREADABLE_BODY = "request body"
_RESERVED = re.compile(r"[^A-Za-z0-9\-._~]+")


class RepeatedParameter(InvalidRequest):
    """rfc6749 §3.1: 'Request and response parameters MUST NOT be included more than once'."""


class OversizedParameter(InvalidRequest):
    """A parameter is longer than the provider reads."""


class MalformedParameter(InvalidRequest):
    """A parameter contains a character that is not allowed in any parameter."""


class Parameters(dict[str, str]):
    """Received parameters: names to values, none empty. Its repr shows only names: values may be secrets."""

    def __repr__(self) -> str:
        return f"Parameters({', '.join(sorted(self))})"


def read_parameters(
    query_pairs: Iterable[tuple[str, str]], form_pairs: Iterable[tuple[str, str]], limit: int
) -> Parameters:
    """Return the parameters of a request; each value may have at most `limit` bytes."""
    values: dict[str, str] = {}
    pairs = (*query_pairs, *form_pairs)
    is_plain = _is_plain(pairs, limit)
    for number, (name, value) in enumerate(pairs):
        if name in values and name not in REPEATABLE:
            raise RepeatedParameter(f"the parameter {_named(name)} is repeated")
        if number == MOST_PARAMETERS:
            raise OversizedParameter(f"more than {MOST_PARAMETERS} parameters")
        values[name] = f"{values[name]} {value}" if name in values else value
        if not is_plain:
            _check(name, values[name], limit)
    return Parameters({name: value for name, value in values.items() if value})


def _is_plain(pairs: Collection[tuple[str, str]], limit: int) -> bool:
    """Return whether no look at each parameter is needed: all together are short, and ASCII without NUL."""
    text = " ".join([part for pair in pairs for part in pair])
    return len(text) <= limit and text.isascii() and "\0" not in text


class Flaw(StrEnum):
    """Why a parameter cannot be used."""

    REPEATED = "repeated"
    TOO_LONG = "too_long"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Usable:
    """The named parameters that can be used, and the reasons why others cannot."""

    values: Mapping[str, str]
    flaws: Mapping[str, Flaw]


def usable_ones(
    pairs: Iterable[tuple[str, str]],
    names: Collection[str],
    limit: int,
    *,
    same_twice: Collection[str] = (),
    is_readable: bool = True,
) -> Usable:
    """Return the named parameters whose values have at most `limit` bytes; all others are ignored.

    For requests that are honoured as far as they are clear: one unusable parameter does not affect the
    others. Parameters in `same_twice` may be repeated with the same value, because their meaning is still
    clear.
    """
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        if name in names:
            given.setdefault(name, []).append(value)
    values: dict[str, str] = {}
    flaws: dict[str, Flaw] = {} if is_readable else {UNREADABLE_BODY: Flaw.MALFORMED}
    for name, sent in given.items():
        flaw = _flaw_of(name, sent, limit, is_repeatable=name in same_twice)
        if flaw is not None:
            flaws[name] = flaw
        elif sent[0]:
            values[name] = sent[0]
    return Usable(values, flaws)


def _flaw_of(name: str, sent: list[str], limit: int, *, is_repeatable: bool) -> Flaw | None:
    if len(sent) > 1 and not (is_repeatable and len(set(sent)) == 1):
        return Flaw.REPEATED
    try:
        _check(name, sent[0], limit)
    except OversizedParameter:
        return Flaw.TOO_LONG
    except MalformedParameter:
        return Flaw.MALFORMED
    return None


def clear_ones(pairs: Iterable[tuple[str, str]], names: Collection[str], limit: int) -> dict[str, str]:
    """Return the named parameters that an invalid request gives once and in a well-formed way."""
    given = [(name, value) for name, value in pairs if name in names]
    once = Counter(name for name, _ in given)
    clear: dict[str, str] = {}
    for name, value in given:
        if once[name] == 1 and value:
            with suppress(InvalidRequest):
                _check(name, value, limit)
                clear[name] = value
    return clear


def with_query(uri: str, pairs: Mapping[str, str]) -> str:
    """Return a URI with parameters appended to its query, which is kept (rfc6749 §3.1.2)."""
    # The URI is not parsed and reassembled: one with a private-use scheme must stay as it was registered.
    base, hash_sign, fragment = uri.partition("#")
    joint = "?" if "?" not in base else "" if base.endswith(("?", "&")) else "&"
    return f"{base}{joint}{_encoded(pairs)}{hash_sign}{fragment}"


def with_fragment(uri: str, pairs: Mapping[str, str]) -> str:
    """Return a URI with parameters as its fragment; a redirect URI has none of its own (rfc6749 §3.1.2)."""
    return f"{uri}#{_encoded(pairs)}"


def _encoded(pairs: Mapping[str, str]) -> str:
    return "&".join([f"{_quoted(name)}={_quoted(value)}" for name, value in pairs.items()])


def _quoted(text: str) -> str:
    # The standard library looks at each character: most values are handles and words, or an address.
    return _RESERVED.sub(_in_percents, text)


def _in_percents(found: re.Match[str]) -> str:
    return f"%{found[0].encode().hex('%').upper()}"


def _check(name: str, value: str, limit: int) -> None:
    if len(name) > limit or len(value.encode("utf-8", "replace")) > limit:
        raise OversizedParameter(f"the parameter {_named(name)} is longer than {limit} bytes")
    # A database cannot store the character NUL, and no specification allows it in a parameter.
    if "\0" in name or "\0" in value:
        raise MalformedParameter(f"the parameter {_named(name)} contains the character NUL")
    check_text(name, value)


def check_text(name: str, value: str) -> None:
    """Reject a parameter that was not sent as UTF-8 and so contains a lone surrogate (rfc6749 appendix B)."""
    try:
        (name + value).encode()
    except UnicodeEncodeError as exc:
        raise MalformedParameter(f"the parameter {_named(name)} is not UTF-8") from exc


def _named(name: str) -> str:
    """Return an unknown parameter's name in a form that fits into one line."""
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in name[:40])

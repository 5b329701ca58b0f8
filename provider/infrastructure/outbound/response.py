"""Strict reading of responses (rfc9112).

A wrong guess about where one ends would assign every later response on the connection to the wrong request.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from provider.infrastructure.outbound.reader import Reader

STATUS_LINE = re.compile(rb"(HTTP/1\.[0-9]) ([1-9][0-9]{2})(?: [^\r\n]*)?\r?\n")
# rfc9112 §7.1; int() would take signs, blanks, "0x" and "_".
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r?\n")
# rfc9112 §5; blanks around the value are taken off later, for an expression with both would be slow on many.
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\r\n\0]*)\r?\n")
LENGTH = re.compile(r"[0-9]{1,18}")
MAX_FIELDS = 100
WITHOUT_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)

Field = tuple[str, str]


class MalformedResponse(ValueError):
    """The response violates HTTP."""


class Headers(Mapping[str, str]):
    """The fields of a response, looked up case-insensitively; of repeated fields the last one counts."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self._fields = {name.lower(): (name, value) for name, value in fields}

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()][1]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._fields.values())

    def __len__(self) -> int:
        return len(self._fields)


@dataclass(frozen=True, slots=True)
class Head:
    """Status and fields of the final response, and where its body ends.

    A body ends by chunks, after a length, or, where that is None, with the connection. The connection `stays`
    only if no other reader could place the end elsewhere.
    """

    status: int
    headers: Headers
    is_chunked: bool
    length: int | None
    stays: bool


def read_head(reader: Reader) -> Head:
    """Read up to the body of the final response. Raises MalformedResponse, OutboundFailure or OSError."""
    while True:
        version, status = _read_status(reader)
        fields, is_well_formed = _read_fields(reader)
        # rfc9110 §15.2: a client must be able to parse one or more 1xx responses before the final one,
        # expected or not. Mistaking one for the final response would leave the real one to answer our next
        # request.
        if status >= HTTPStatus.OK:
            return _framed(version, status, fields, is_well_formed=is_well_formed)


def read_body(reader: Reader, head: Head) -> Iterator[bytes]:
    """Yield the body in pieces, undecoded. Raises MalformedResponse, or OSError where it is cut off."""
    if head.is_chunked:
        return _chunks(reader)
    return reader.rest() if head.length is None else reader.pieces(head.length)


def _read_status(reader: Reader) -> tuple[bytes, int]:
    line = reader.line()
    found = STATUS_LINE.fullmatch(line)
    if found is None:
        raise MalformedResponse(f"not a status line: {line[:100]!r}")
    status = int(found[2])
    if status == HTTPStatus.SWITCHING_PROTOCOLS:
        # rfc9110 §15.2.2: only after a request with "Upgrade", which we never send.
        raise MalformedResponse("the server switched to a protocol that was not requested")
    return found[1], status


def _read_fields(reader: Reader) -> tuple[list[Field], bool]:
    """Read the header fields, skipping malformed ones; the second value is False if there were any."""
    fields: list[Field] = []
    is_well_formed, count = True, 0
    while (line := reader.line()) not in (b"\r\n", b"\n"):
        if not line.endswith(b"\n"):
            raise MalformedResponse("a header line that does not end")
        count += 1
        if count > MAX_FIELDS:
            raise MalformedResponse(f"more than {MAX_FIELDS} headers")
        found = FIELD.fullmatch(line)
        if found is None:
            is_well_formed = False
        else:
            fields.append((found[1].decode("ascii"), found[2].decode("iso-8859-1").strip(" \t")))
    return fields, is_well_formed


def _framed(version: bytes, status: int, fields: Sequence[Field], *, is_well_formed: bool) -> Head:
    """Decide where the body ends, and whether another reader might decide otherwise."""
    lengths, codings, wishes = _framing_fields(fields)
    has_body = status not in WITHOUT_BODY
    is_chunked = has_body and codings[:1] == ["chunked"]
    length = int(lengths[0]) if lengths and LENGTH.fullmatch(lengths[0]) else None
    if has_body:
        # rfc9112 §6.3: one length, or one coding that ends by itself, and not both.
        is_certain = len(lengths) + len(codings) == 1 and (is_chunked or length is not None)
    else:
        # Servers often send a length of 0 with a 204 although it is forbidden; every reader treats it alike.
        is_certain, length = not codings and lengths in ([], ["0"]), 0
    stays = "close" not in wishes
    if version == b"HTTP/1.0":
        # rfc9112 §6.1: codings in this version are faulty framing, after which the connection is closed.
        stays = stays and "keep-alive" in wishes and not codings
    return Head(status, Headers(fields), is_chunked, length, stays and is_certain and is_well_formed)


def _framing_fields(fields: Sequence[Field]) -> tuple[list[str], list[str], str]:
    """Return the lengths, the transfer codings, and the options of the Connection header."""
    lengths, codings, wishes = [], [], ""
    for name, value in fields:
        match name.lower():
            case "content-length":
                lengths.append(value)
            case "transfer-encoding":
                codings.append(value.lower())
            case "connection":
                wishes += value.lower()
    return lengths, codings, wishes


def _chunks(reader: Reader) -> Iterator[bytes]:
    while size := _read_chunk_size(reader):
        yield from reader.pieces(size)
        if b"".join(reader.pieces(2)) != b"\r\n":
            raise MalformedResponse("a chunk does not end where it should")
    _read_fields(reader)


def _read_chunk_size(reader: Reader) -> int:
    line = reader.line()
    found = CHUNK_SIZE.fullmatch(line)
    if found is None:
        # A line that is cut off may be the beginning of a longer number: "00" of "0005" ends no body.
        raise MalformedResponse(f"not the size of a chunk: {line[:100]!r}")
    return int(found[1], 16)

"""Read queries and bodies into their declared types; anything unknown, repeated or too long is refused."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
from flask import request

from provider.infrastructure import current
from provider.protocol import parameters
from provider.protocol.errors import InvalidRequest
from provider.protocol.json_object import is_sayable, read_json_object
from provider.protocol.problems import InvalidInput, UnsupportedMediaType
from provider.web.strict_request import query_pairs

T = TypeVar("T")
JSON, MERGE_PATCH = "application/json", "application/merge-patch+json"
MOST, USUAL = 200, 50
_PLACE = re.compile(r"^(?P<said>.*?)(?: - at `(?P<place>\$[^`]*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[([^\]]*)\]")

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Sentence = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=MOST, description="Maximum number of entries on the page.")]
Instant = Annotated[datetime, msgspec.Meta(tz=True, description="An instant with a time zone.")]
# Adding a span to an instant outside these bounds could overflow.
FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
After = Annotated[UUID, msgspec.Meta(description="The value of `next` from the page before.")]


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of a query; used as it is where an operation has none."""


class Page(Query, frozen=True, kw_only=True):
    """A part of a list."""

    limit: Limit = USUAL
    after: After | None = None


class Input(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body; members that it does not declare are refused."""


def within_reckoning(instant: datetime | None) -> datetime | None:
    """Return an instant, moved between FIRST and LAST; nothing happened before or after these."""
    return instant and max(FIRST, min(LAST, instant))


def read_query(kind: type[T]) -> T:
    """Return the query as this type. Raises InvalidInput or InvalidRequest."""
    sent = parameters.read_parameters(query_pairs(request), (), current.settings().max_parameter_bytes)
    # A UUID is accepted only in the form in which it was issued (ABU-54).
    return _converted(dict(sent), kind, strict=False, what="query")


def read_document(mimetype: str) -> dict[str, Any]:
    """Return the body as a JSON object."""
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaType("send the body without a Content-Encoding")
    if request.mimetype != mimetype:
        raise UnsupportedMediaType(f"the body must be {mimetype}")
    document = read_json_object(request.get_data())
    if not is_sayable(document):
        raise InvalidRequest("the body must not contain NUL or unpaired surrogates")
    return document


def convert(document: Mapping[str, Any], kind: type[T]) -> T:
    """Return a document that is already parsed as this type. Raises InvalidInput."""
    return _converted(dict(document), kind, strict=True, what="body")


def no_body() -> None:
    """Refuse a body where none is expected, so that none is silently ignored. Raises InvalidRequest."""
    if request.content_length:
        raise InvalidRequest("this request has no body")


def _converted(document: dict[str, Any], kind: type[T], *, strict: bool, what: str) -> T:
    try:
        return msgspec.convert(document, kind, strict=strict)
    except msgspec.ValidationError as exc:
        match = _PLACE.match(str(exc))
        said, place = (match["said"], match["place"]) if match else (str(exc), None)
        pointer = "".join(f"/{name or index}" for name, index in _STEP.findall(place or ""))
        raise InvalidInput(f"the {what} is invalid", [(pointer, said)]) from exc


def merged(document: Any, patch: Any) -> Any:
    """Apply a merge patch (rfc7396 §2): null removes a member, a list replaces the old list."""
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result

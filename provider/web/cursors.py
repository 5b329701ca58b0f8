"""Where a list that is read page by page goes on: behind the entry with this identifier."""

from uuid import UUID

from provider.protocol.errors import InvalidRequest


def read_cursor(name: str, asked: str | None) -> UUID | None:
    """Read a cursor as a page before has given it: an identifier and nothing else (ABU-54)."""
    if asked is None:
        return None
    try:
        cursor = UUID(asked)
    except ValueError as exc:
        raise InvalidRequest(f"{name} must be the value of next from the previous page") from exc
    # Python also reads braces, urn: and digits without hyphens; we have never given out such a cursor.
    if str(cursor) != asked:
        raise InvalidRequest(f"{name} must be the value of next from the previous page")
    return cursor

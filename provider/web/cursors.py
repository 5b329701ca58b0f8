"""Cursors of paged lists: the identifier of the last entry on the previous page."""

from uuid import UUID

from provider.protocol.errors import InvalidRequest


def read_cursor(name: str, asked: str | None) -> UUID | None:
    """Read a cursor, which must be an identifier in the form that we gave out (ABU-54)."""
    if asked is None:
        return None
    try:
        cursor = UUID(asked)
    except ValueError as exc:
        raise InvalidRequest(f"{name} must be the value of next from the previous page") from exc
    # Python also accepts braces, urn: and digits without hyphens; no cursor of ours has such a form.
    if str(cursor) != asked:
        raise InvalidRequest(f"{name} must be the value of next from the previous page")
    return cursor

"""Registered metadata as typed values, made once for what is stored.

To make one takes ten times as long as to compare what is stored. One that is kept is only used for a row
that holds the very same: a change needs no announcement, whichever process makes it.
"""

from collections.abc import Mapping
from typing import Any

from provider.protocol.client_metadata import ClientMetadata

_MOST_KEPT = 1000
_kept: dict[str, tuple[Mapping[str, Any], ClientMetadata]] = {}


def metadata_of(client_id: str, stored: Mapping[str, Any]) -> ClientMetadata:
    """Return what is stored of a client's metadata as a typed value."""
    known = _kept.get(client_id)
    if known is not None and known[0] == stored:
        return known[1]
    made = ClientMetadata.from_stored(stored)
    if len(_kept) >= _MOST_KEPT:
        _kept.clear()
    _kept[client_id] = (stored, made)
    return made

"""The JSON forms of the API's responses."""

from datetime import UTC, datetime
from typing import Any

from flask import Response

from provider.clients.models import Client
from provider.holdings.queries import HeldSession


def instant(at: datetime) -> str:
    """Return an instant in the format of rfc3339, in UTC."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def app(client: Client) -> dict[str, Any]:
    """Return an app's id and name."""
    return {"client_id": client.client_id, "name": client.display_name}


def session(held: HeldSession, *, current: bool) -> dict[str, Any]:
    """Return a session: where and when it was last used, and its apps; never its handle or sids."""
    return {
        "id": str(held.session.id),
        "current": current,
        "device": held.session.device,
        "is_device": held.session.is_device,
        "ip": held.session.ip,
        "created_at": instant(held.session.created_at),
        "last_seen_at": instant(held.session.last_seen_at),
        "ends_at": instant(held.session.ends_at),
        "apps": [app(client) for client in held.apps],
    }


def nothing() -> Response:
    """Return a response without content: it is done, now or earlier."""
    return Response(status=204)

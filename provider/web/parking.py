"""Limits on parked requests, each of which is a row that is written for an anonymous caller."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from provider.authentication.browser_proof import find_used_browser
from provider.infrastructure import current
from provider.interactions.models import InteractionKind
from provider.protocol.errors import TooManyRequests
from provider.web import cookies, network_limits

# A row of about this size counts once, larger ones more often.
_UNIT_BYTES = 2048
_RETRY_AFTER = 60


def check_parking_limit(
    kind: InteractionKind, parameters: Mapping[str, Any], *, session_id: UUID | None = None
) -> None:
    """Count a request that is about to be parked. Raises TooManyRequests.

    A person who is signed in is counted by the session, and one who has signed in before by the browser, so
    that a flood from the same network does not lock them out. Each kind has its own count: a flood of
    sign-ins prevents no sign-out.
    """
    limit = current.settings().parked_request_limit_address
    key, cost = f"parked-{kind.value}", 1 + len(json.dumps(dict(parameters))) // _UNIT_BYTES
    own = str(session_id) if session_id is not None else find_used_browser(cookies.browser_proofs())
    if own is not None:
        is_within = current.services().rate_limits.hit(limit, key, own, cost=cost)
    else:
        is_within = network_limits.hit(limit, key, cost=cost)
    if not is_within:
        raise TooManyRequests("too many requests from this network", retry_after=_RETRY_AFTER)

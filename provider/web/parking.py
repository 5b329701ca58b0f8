"""Requests that wait for a person: sealed into the address (DEC-27), or counted and stored.

A row for an anonymous caller is written only within a limit. A sealed request writes nothing and is counted
once an answer makes its row, unless that is a sign-in, which has limits of its own (THR-60).
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from werkzeug.wrappers import Response

from provider.authentication.browser_proof import find_used_browser
from provider.infrastructure import current
from provider.infrastructure.database import transaction
from provider.infrastructure.opaque_tokens import new_handle
from provider.interactions.lifecycle import park
from provider.interactions.models import Interaction, InteractionKind
from provider.interactions.sealing import seal
from provider.protocol.errors import TooManyRequests
from provider.web import cookies, network_limits
from provider.web.notes import this_request
from provider.web.redirects import redirect_to_handle

# A row of about this size counts once, larger ones more often.
_UNIT_BYTES = 2048
_RETRY_AFTER = 60
_SEALED = re.compile(r"(?:^|&)sealed=([A-Za-z0-9_-]+)")


def wait_for_sign_in(
    kind: InteractionKind, parameters: Mapping[str, Any], *, answers: Mapping[str, Any] | None = None
) -> Response:
    """Redirect a person without a session to the sign-in page. Raises TooManyRequests."""
    handle, browser, known = new_handle(), cookies.bind_browser(), dict(answers or {})
    sealed = seal(handle, kind, parameters, browser=browser, answers=known)
    if sealed is None:
        check_parking_limit(kind, parameters)
        with transaction():
            park(kind, dict(parameters), browser=browser, answers=known, handle=handle)
    return redirect_to_handle("pages.sign_in", handle, sealed=sealed)


def sealed_in_address() -> str | None:
    """Return the sealed request in the address of this request, unverified, if there is one."""
    found = _SEALED.search(this_request().environ["QUERY_STRING"])
    return found[1] if found else None


def check_first_answer(interaction: Interaction, *, session_id: UUID | None = None) -> None:
    """Count a sealed request that is about to get a row. Raises TooManyRequests."""
    if interaction.sealed is not None:
        check_parking_limit(InteractionKind(interaction.kind), interaction.parameters, session_id=session_id)


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

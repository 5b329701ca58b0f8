"""Authorization requests that a client pushed before it sent the person (rfc9126).

A pushed request is parked like any other, but no browser has begun it: its address goes to the client.
It is used up when it is answered, not when it is looked at, so that a page may be reloaded meanwhile.
"""

from collections.abc import Mapping
from datetime import timedelta

from provider.infrastructure import clock, current
from provider.interactions.lifecycle import park
from provider.interactions.models import Interaction, InteractionKind
from provider.interactions.queries import find_pushed
from provider.oauth.authorization.id_token_hint import HINTED_SUB, hinted_sub
from provider.oauth.authorization.parameters import to_park
from provider.oauth.authorization.request import AuthorizationRequest, find_target
from provider.oauth.client_proof.refusals import Concerning
from provider.protocol.errors import InvalidRequest, InvalidRequestURI

URN = "urn:ietf:params:oauth:request_uri:"


def is_ours(request_uri: str) -> bool:
    """Return whether a `request_uri` names a request that was pushed to us."""
    return request_uri.startswith(URN)


def push(parameters: Mapping[str, str], *, client_id: str) -> tuple[str, timedelta]:
    """Check a request of a proven client as the authorization endpoint would, and keep it for a while.

    Returns its `request_uri` and how long that can be used.
    """
    # rfc9126 §2.1: the client that pushes is the one that asks.
    if parameters.get("client_id", client_id) != client_id:
        raise InvalidRequest("client_id does not match the authenticated client")
    parameters = {**parameters, "client_id": client_id}
    client, redirect_uri = find_target(parameters)
    with Concerning(client):
        asked = AuthorizationRequest.read(parameters, client.metadata_, redirect_uri)
    sub = hinted_sub(asked, client)
    lifetime: timedelta = current.settings().pushed_request_lifetime
    handle = park(
        InteractionKind.PUSHED,
        to_park(parameters),
        browser=None,
        lifetime=lifetime,
        answers={HINTED_SUB: sub} if sub else None,
    )
    return URN + handle, lifetime


def find_request(request_uri: str, *, client_id: str | None) -> Interaction:
    """Find a request that this client pushed. Raises InvalidRequestURI.

    rfc9126 §2.2: the `request_uri` is 'bound to the client'; one pushed by another client counts as unknown.
    """
    pushed = find_pushed(request_uri.removeprefix(URN))
    if pushed is None or pushed.parameters.get("client_id") != client_id:
        raise InvalidRequestURI("the request_uri is unknown")
    return pushed


def check_usable(pushed: Interaction) -> None:
    """Raise InvalidRequestURI for a request that has been answered, or whose time is over (rfc9126 §4)."""
    if pushed.finished_at is not None:
        raise InvalidRequestURI("the request_uri was already used")
    if pushed.expires_at <= clock.now():
        raise InvalidRequestURI("the request_uri has expired")

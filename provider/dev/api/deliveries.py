"""Deliveries of Logout Tokens: their results, faults on demand, and immediate retries."""

from typing import Any, cast

from flask import Response, current_app, jsonify, request

from provider.administration import deliveries
from provider.clients.queries import client_ids_of
from provider.delivery import queries
from provider.delivery.models import Delivery, DeliveryState
from provider.dev.api.body import at, member, read_body
from provider.dev.api.clients import get as get_client
from provider.dev.bad_tokens import BAD_TOKENS
from provider.dev.faults import LONGEST_DELAY, Fault, FaultKind, Faults
from provider.dev.only_this_machine import API
from provider.infrastructure.database import transaction
from provider.logout import notice
from provider.protocol.errors import InvalidRequest
from provider.web.route import Route, Speaks

EXTENSION = "curfew.dev.faults"
_MOST = 500
_MEMBERS = ("fault", "client_id", "times", "seconds", "token")


def the_faults() -> Faults:
    """Return the faults of this provider."""
    return cast("Faults", current_app.extensions[EXTENSION])


def list_deliveries() -> Response:
    """List the deliveries, newest first, with their attempts; only those to one client if requested."""
    client_id = request.args.get("client_id")
    client_pk = get_client(client_id).id if client_id else None
    found = queries.list_deliveries(recipient_id=client_pk, limit=_MOST)
    return jsonify({"deliveries": shown(found)})


def retry() -> Response:
    """Make all pending deliveries due at once, including those held by a breaker."""
    given = read_body({"client_id"})
    client_id = member(given, "client_id", str, "")
    return jsonify({"due_now": retry_now(client_id or None)})


def retry_now(client_id: str | None = None) -> int:
    """Make the pending deliveries of a client, or all of them, due at once, and count them."""
    with transaction():
        found = deliveries.retry_some(
            states=[DeliveryState.PENDING],
            client_pk=get_client(client_id).id if client_id else None,
            since=None,
            until=None,
            after=None,
            limit=_MOST,
        )
    return len(found)


def list_faults() -> Response:
    """List the waiting and the played faults, with the responses of the apps."""
    faults = the_faults()
    played = [one | {"at": at(one["at"])} for one in faults.list_played()]
    return jsonify({"faults": faults.list_waiting(), "played": played})


def add_fault() -> Response:
    """Add a fault for the next deliveries."""
    the_faults().add(read_fault(read_body(_MEMBERS)))
    return list_faults()


def clear_faults() -> Response:
    """Remove the faults, and make the deliveries that they delayed due at once."""
    client_id = member(read_body({"client_id"}), "client_id", str, "") or None
    the_faults().clear(client_id)
    retry_now(client_id)
    return list_faults()


def read_fault(given: dict[str, Any]) -> Fault:
    """Read a fault. Raises InvalidRequest, or NotFound for a client that is not registered."""
    try:
        kind = FaultKind(member(given, "fault", str, ""))
    except ValueError as exc:
        raise InvalidRequest(f"fault must be one of {', '.join(FaultKind)}") from exc
    client_id = member(given, "client_id", str, "") or None
    if client_id:
        get_client(client_id)
    times = member(given, "times", int, 0)
    if times < 0:
        raise InvalidRequest("times must be 1 or more, or null for all attempts until the fault is cleared")
    return Fault(
        kind=kind,
        client_id=client_id,
        times=times or None,
        seconds=_read_seconds(kind, member(given, "seconds", float, 0.0)),
        token=_read_token(kind, member(given, "token", str, "")),
    )


def shown(found: list[Delivery]) -> list[dict[str, Any]]:
    """Return deliveries with their content and their attempts."""
    names = client_ids_of({one.recipient_id for one in found})
    return [_delivery(one, names[one.recipient_id]) for one in found]


def _delivery(one: Delivery, client_id: str) -> dict[str, Any]:
    of_logout = notice.of(one)
    return {
        "id": str(one.id),
        "client_id": client_id,
        "sub": of_logout.sub if of_logout else None,
        "sid": of_logout.sid if of_logout else None,
        "state": one.shown_state,
        "created_at": at(one.created_at),
        "next_attempt_at": None if DeliveryState(one.state).is_final else at(one.next_attempt_at),
        "attempts": [
            {
                "at": at(attempt.started_at),
                "url": attempt.url,
                "outcome": attempt.outcome,
                "status": attempt.status,
            }
            for attempt in queries.list_attempts(one.id)
        ],
    }


def _read_seconds(kind: FaultKind, seconds: float) -> float:
    longest = LONGEST_DELAY.total_seconds()
    if kind is FaultKind.LATE and not 0 < seconds <= longest:
        raise InvalidRequest(f"seconds must be greater than 0 and at most {longest:g}; for longer, use off")
    return seconds if kind is FaultKind.LATE else 0


def _read_token(kind: FaultKind, token: str) -> str | None:
    if kind is not FaultKind.BAD:
        return None
    if token not in BAD_TOKENS:
        raise InvalidRequest(f"token must be one of {', '.join(BAD_TOKENS)}")
    return token


def _route(rule: str, name: str, view: Any, method: str) -> Route:
    return Route(rule=f"{API}/deliveries{rule}", name=name, view=view, methods=(method,), speaks=Speaks.JSON)


ROUTES = (
    _route("", "deliveries", list_deliveries, "GET"),
    _route("/retry", "retry_deliveries", retry, "POST"),
    _route("/faults", "faults", list_faults, "GET"),
    _route("/faults", "add_fault", add_fault, "POST"),
    _route("/faults", "clear_faults", clear_faults, "DELETE"),
)

"""Explain to the operator why a client was refused: in the log, the audit and with the client.

The client itself is still sent only the registered error. Anyone can cause refusals, so the audit and the
table have limits; the log has every one.
"""

from dataclasses import replace
from typing import Any

from provider.audit.record import record as record_event
from provider.audit.tags import EventTag
from provider.clients import problems
from provider.clients.models import Client
from provider.clients.queries import find_by_client_id
from provider.infrastructure import acting, current, event_log
from provider.infrastructure.database import transaction
from provider.infrastructure.database_errors import AWAY
from provider.protocol.errors import (
    InvalidRedirectURI,
    InvalidScope,
    InvalidTarget,
    ProtocolError,
    UnauthorizedClient,
    UnknownClient,
    UnsupportedResponseType,
)
from provider.protocol.refusal import Cause, Refusal, RefusalKind, printable, printable_id

_KINDS: dict[type[ProtocolError], RefusalKind] = {
    InvalidRedirectURI: RefusalKind.REDIRECT_URI,
    InvalidScope: RefusalKind.SCOPE,
    InvalidTarget: RefusalKind.RESOURCE,
    UnsupportedResponseType: RefusalKind.RESPONSE_TYPE,
    UnauthorizedClient: RefusalKind.NOT_REGISTERED_FOR,
}
# For each client and kind.
_KEPT, _AUDITED = "30 per hour", "6 per hour"
# For all clients together; refusals of unknown clients have a limit of their own.
_AUDITED_IN_ALL, _AUDITED_UNKNOWN = "300 per hour", "60 per hour"


class Concerning:
    """A block in which refusals are explained to the operator of a client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _kind: object, exc: BaseException | None, _trace: object) -> None:
        """Explain an error, if there is one."""
        if isinstance(exc, ProtocolError):
            explain(exc, self._client)


def explain(exc: ProtocolError, client: Client, **facts: str) -> None:
    """Attach to an error its explanation for the client's operator, if it is of a kind that they can fix."""
    kind = _KINDS.get(type(exc))
    if kind is not None and exc.refusal is None:
        exc.refusal = refusal_of(client, kind, exc.description, detail=exc.detail, **facts)


def refusal_of(
    client: Client, kind: RefusalKind, sentence: str, *, detail: str = "", **facts: str
) -> Refusal:
    """Return a refusal of a known client."""
    return Refusal(
        client_id=client.client_id,
        is_known=True,
        kind=kind,
        sentence=printable(f"{sentence}: {detail}" if detail else sentence),
        facts={name: printable(value) for name, value in facts.items()},
    )


def unknown_client(client_id: str) -> UnknownClient:
    """Return the error for a person who was sent here by an app that is not known, or may not act."""
    exc = UnknownClient("no client is registered with this client_id")
    exc.refusal = refusal_of_unknown(client_id, Cause.UNKNOWN)
    known = find_by_client_id(client_id)
    if known is not None:
        exc.refusal = replace(exc.refusal, is_known=True, cause=Cause.DISABLED)
    return exc


def refusal_of_unknown(client_id: str, cause: Cause, **facts: str) -> Refusal:
    """Return a refusal of a client that is not known to exist."""
    return Refusal(
        client_id=printable_id(client_id),
        is_known=False,
        kind=RefusalKind.AUTHENTICATION,
        cause=cause,
        facts={name: printable(value) for name, value in facts.items()},
    )


def record(refusal: Refusal) -> None:
    """Record a refusal in a transaction of its own, so that it cannot make the request's transaction fail."""
    facts: dict[str, Any] = {"kind": refusal.kind.value, "sentence": refusal.sentence, **refusal.facts}
    if refusal.cause:
        facts["cause"] = refusal.cause.value
    event_log.info("client_refused", client_id=refusal.client_id, **facts)
    limits, key = current.services().rate_limits, (refusal.client_id, refusal.kind.value)
    if refusal.is_known:
        is_kept = limits.hit(_KEPT, "refusal", *key)
        is_audited = limits.hit(_AUDITED, "refusal-audit", *key) and limits.hit(
            _AUDITED_IN_ALL, "refusal-audit"
        )
    else:
        is_kept, is_audited = False, limits.hit(_AUDITED_UNKNOWN, "refusal-unknown")
    if not (is_kept or is_audited):
        return
    try:
        with transaction():
            _write(refusal, facts, is_kept=is_kept, is_audited=is_audited)
    except AWAY as exc:
        # The request itself must be answered.
        event_log.warning("refusal_not_noted", kind=type(exc).__name__)


def _write(refusal: Refusal, facts: dict[str, Any], *, is_kept: bool, is_audited: bool) -> None:
    client = find_by_client_id(refusal.client_id) if is_kept else None
    if client is not None:
        problems.keep(client.id, refusal, ip=acting.address())
    if is_audited:
        # The column holds only ids of existing clients; an id that a request claims goes into the details.
        named = refusal.client_id if refusal.is_known else None
        claimed = {} if refusal.is_known else {"claimed_client_id": refusal.client_id}
        record_event(EventTag.CLIENT_REFUSED, actor="client", client_id=named, **(facts | claimed))

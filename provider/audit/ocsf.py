"""Audit entries in the Open Cybersecurity Schema Framework (OCSF 1.3), for a SIEM.

The class of each event is in one table; what OCSF has no attribute for is in `unmapped`.
"""

from dataclasses import dataclass
from typing import Any

from provider.audit.models import AuditEvent
from provider.audit.tags import EventTag

VERSION = "1.3.0"
_OTHER = 99
_INFORMATIONAL, _MEDIUM, _HIGH = 1, 3, 4
_SUCCESS, _FAILURE = 1, 2


@dataclass(frozen=True, slots=True)
class OCSFClass:
    """A class of events: its numbers and name."""

    category: int
    uid: int
    name: str


BASE = OCSFClass(0, 0, "Base Event")
ACCOUNT = OCSFClass(3, 3001, "Account Change")
AUTHENTICATION = OCSFClass(3, 3002, "Authentication")
ENTITY = OCSFClass(3, 3004, "Entity Management")
ACCESS = OCSFClass(3, 3005, "User Access Management")
_LOGON, _LOGOFF = 1, 2
_CREATE, _UPDATE, _DELETE = 1, 3, 4
_ASSIGN, _REVOKE = 1, 2
T = EventTag
# The class and the activity of each event; any other event is a Base Event.
CLASSES: dict[EventTag, tuple[OCSFClass, int]] = {
    **dict.fromkeys((T.SIGN_IN_SUCCEEDED, T.SIGN_IN_REFUSED), (AUTHENTICATION, _LOGON)),
    **dict.fromkeys((T.SESSION_STARTED, T.SESSION_RENEWED), (AUTHENTICATION, _LOGON)),
    **dict.fromkeys((T.LOGOUT, T.LOGOUT_REFUSED), (AUTHENTICATION, _LOGOFF)),
    **dict.fromkeys((T.REFRESH_REPLAYED, T.CODE_REPLAYED, T.TOKEN_EXCHANGED), (AUTHENTICATION, _OTHER)),
    T.TOKEN_REVOKED: (AUTHENTICATION, _OTHER),
    **dict.fromkeys((T.GRANT_CREATED, T.GRANT_WIDENED, T.CONSENT_GIVEN), (ACCESS, _ASSIGN)),
    **dict.fromkeys((T.GRANT_REVOKED, T.CONSENT_DENIED), (ACCESS, _REVOKE)),
    T.ROLE_CHANGED: (ACCESS, _ASSIGN),
    T.ACCOUNT_ADDED: (ACCOUNT, 1),
    T.ACCOUNT_ENABLED: (ACCOUNT, 2),
    **dict.fromkeys((T.PASSWORD_CHANGED, T.PASSWORD_SET_BY_LINK), (ACCOUNT, 3)),
    **dict.fromkeys((T.PASSWORD_RESET, T.PASSWORD_RESET_BEGUN), (ACCOUNT, 4)),
    T.ACCOUNT_DISABLED: (ACCOUNT, 5),
    T.ACCOUNT_DELETED: (ACCOUNT, 6),
    **dict.fromkeys((T.ACCOUNT_UPDATED, T.PERSONAL_DATA_ERASED), (ACCOUNT, _OTHER)),
    **dict.fromkeys((T.CLIENT_ADDED, T.RESOURCE_ADDED, T.INITIAL_TOKEN_CREATED), (ENTITY, _CREATE)),
    **dict.fromkeys((T.KEY_CREATED, T.SECRET_KEY_ADDED), (ENTITY, _CREATE)),
    **dict.fromkeys((T.CLIENT_UPDATED, T.KEY_ACTIVATED, T.KEY_RETIRED, T.KEY_HINT_ONLY), (ENTITY, _UPDATE)),
    **dict.fromkeys((T.CLIENT_REMOVED, T.RESOURCE_REMOVED, T.INITIAL_TOKEN_REVOKED), (ENTITY, _DELETE)),
    **dict.fromkeys((T.KEY_DESTROYED, T.KEY_COMPROMISED, T.SECRET_KEY_REMOVED), (ENTITY, _DELETE)),
}
_FAILED = {T.SIGN_IN_REFUSED, T.LOGOUT_REFUSED, T.CONSENT_DENIED, T.CLIENT_REFUSED, T.DELIVERY_EXPIRED}
_SEVERITIES = dict.fromkeys(_FAILED, _MEDIUM) | dict.fromkeys(
    (T.REFRESH_REPLAYED, T.CODE_REPLAYED, T.KEY_COMPROMISED), _HIGH
)


def as_ocsf(event: AuditEvent, issuer: str) -> dict[str, Any]:
    """Return an entry as an OCSF event."""
    tag = _tag(event)
    kind, activity = CLASSES.get(tag, (BASE, _OTHER)) if tag else (BASE, _OTHER)
    made: dict[str, Any] = {
        "category_uid": kind.category,
        "class_uid": kind.uid,
        "class_name": kind.name,
        "activity_id": activity,
        "type_uid": kind.uid * 100 + activity,
        "time": round(event.at.timestamp() * 1000),
        "severity_id": _SEVERITIES.get(tag, _INFORMATIONAL) if tag else _INFORMATIONAL,
        "status_id": _FAILURE if tag in _FAILED else _SUCCESS,
        "message": tag.meaning if tag else event.tag,
        "metadata": _metadata(event),
        "actor": _actor(event),
        "service": {"name": issuer},
        "unmapped": _without_nothing(
            {
                "actor": event.actor,
                "actor_origin": event.actor_origin,
                "client_id": event.client_id,
                "logout_id": event.logout_id and str(event.logout_id),
                "chain": event.chain,
                "detail": event.detail or None,
            }
        ),
    }
    if event.ip:
        made["src_endpoint"] = {"ip": event.ip}
    if event.session_id:
        made["session"] = {"uid": str(event.session_id)}
    return made | _about(event, kind)


def _about(event: AuditEvent, kind: OCSFClass) -> dict[str, Any]:
    """Return the attributes that a class demands."""
    # Of a sign-in with an unknown user name no person is known.
    user = {"uid": str(event.account_id)} if event.account_id else {"name": "unknown"}
    if kind is ENTITY:
        named = (event.detail.get(name) for name in ("resource", "kid", "token_id", "key"))
        uid = event.client_id or next((str(one) for one in named if one), event.tag)
        return {"entity": {"uid": uid, "type": event.tag.rpartition("_")[0]}}
    if kind is ACCESS:
        granted = event.detail.get("scope") or event.detail.get("after") or ""
        return {"user": user, "privileges": str(granted).split()}
    return {"user": user} if kind in (AUTHENTICATION, ACCOUNT) else {}


def _metadata(event: AuditEvent) -> dict[str, Any]:
    about = {"sequence": event.seq, "correlation_uid": event.correlation_id}
    return {
        "version": VERSION,
        "product": {"name": "Curfew", "vendor_name": "Curfew"},
        "log_name": "audit",
        "uid": str(event.id),
        "event_code": event.tag,
    } | _without_nothing(about)


def _actor(event: AuditEvent) -> dict[str, Any]:
    match event.actor:
        case "account":
            return {"user": {"uid": str(event.account_id)}}
        case "admin":
            return {"user": {"name": event.actor_name or "unknown", "type": "Admin", "type_id": 2}}
        case "client":
            return {"app_name": event.client_id or "unknown"}
    return {"app_name": "curfew"}


def _tag(event: AuditEvent) -> EventTag | None:
    """Return the event's tag; a later release may have written one that is not known here."""
    return EventTag(event.tag) if event.tag in list(EventTag) else None


def _without_nothing(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}

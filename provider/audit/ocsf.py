"""Audit entries in the Open Cybersecurity Schema Framework (OCSF 1.3), for a SIEM.

The class of each event is in one table. Consumers drop or refuse events with attributes that their class does
not have, so values without an attribute in the event's class go into `unmapped`.
"""

from dataclasses import dataclass, field
from typing import Any

from provider.audit.models import AuditEvent
from provider.audit.tags import EventTag

VERSION = "1.3.0"
_OTHER = 99
_INFORMATIONAL, _MEDIUM, _HIGH = 1, 3, 4
_SUCCESS, _FAILURE = 1, 2


@dataclass(frozen=True, slots=True)
class OCSFClass:
    """A class of events: its numbers and name, and which of our optional attributes it has."""

    category: int
    uid: int
    name: str
    attributes: frozenset[str] = field(default=frozenset())
    # In OCSF 1.3, some classes have the attribute `actor` only through a profile.
    profiles: tuple[str, ...] = ()


_WHO_AND_WHERE = frozenset({"actor", "src_endpoint"})
BASE = OCSFClass(0, 0, "Base Event")
ACCOUNT = OCSFClass(3, 3001, "Account Change", _WHO_AND_WHERE)
AUTHENTICATION = OCSFClass(3, 3002, "Authentication", _WHO_AND_WHERE | {"service", "session"})
ENTITY = OCSFClass(3, 3004, "Entity Management", _WHO_AND_WHERE, ("host",))
ACCESS = OCSFClass(3, 3005, "User Access Management", _WHO_AND_WHERE, ("host",))
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
    **dict.fromkeys((T.CLIENT_UPDATED, T.RESOURCE_UPDATED), (ENTITY, _UPDATE)),
    **dict.fromkeys((T.KEY_ACTIVATED, T.KEY_RETIRED, T.KEY_HINT_ONLY), (ENTITY, _UPDATE)),
    **dict.fromkeys((T.CLIENT_REMOVED, T.RESOURCE_REMOVED, T.INITIAL_TOKEN_REVOKED), (ENTITY, _DELETE)),
    **dict.fromkeys((T.KEY_DESTROYED, T.KEY_COMPROMISED, T.SECRET_KEY_REMOVED), (ENTITY, _DELETE)),
}
_FAILED = {T.SIGN_IN_REFUSED, T.LOGOUT_REFUSED, T.CONSENT_DENIED, T.CLIENT_REFUSED, T.DELIVERY_EXPIRED}
_SEVERITIES = dict.fromkeys(_FAILED, _MEDIUM) | dict.fromkeys(
    (T.REFRESH_REPLAYED, T.CODE_REPLAYED, T.KEY_COMPROMISED), _HIGH
)

# How entries record that a person has no role.
_NO_ROLE = "none"
# The kinds of entities, and the fields of an entry that name one; a client is named by its column.
_ENTITIES: dict[str, tuple[str, ...]] = {
    "client": (),
    "resource": ("resource",),
    "initial_token": ("token_id",),
    "secret_key": ("key", "generation"),
    "key": ("kid",),
}


def as_ocsf(event: AuditEvent, issuer: str) -> dict[str, Any]:
    """Return an entry as an OCSF event."""
    tag = _tag(event)
    kind, activity = _class_of(tag, event)
    return (
        {
            "category_uid": kind.category,
            "class_uid": kind.uid,
            "class_name": kind.name,
            "activity_id": activity,
            "type_uid": kind.uid * 100 + activity,
            "time": round(event.at.timestamp() * 1000),
            "severity_id": _SEVERITIES.get(tag, _INFORMATIONAL) if tag else _INFORMATIONAL,
            "status_id": _FAILURE if tag in _FAILED else _SUCCESS,
            "message": tag.meaning if tag else event.tag,
            "metadata": _metadata(event, kind, issuer),
        }
        # The activity "Other" requires the source's own name for the activity.
        | ({"activity_name": event.tag} if activity == _OTHER else {})
        | _about(event, kind, activity)
        | _placed(event, kind, issuer)
    )


def _class_of(tag: EventTag | None, event: AuditEvent) -> tuple[OCSFClass, int]:
    if tag is None:
        return BASE, _OTHER
    if tag is T.ROLE_CHANGED and event.detail.get("after") == _NO_ROLE:
        return ACCESS, _REVOKE
    return CLASSES.get(tag, (BASE, _OTHER))


def _about(event: AuditEvent, kind: OCSFClass, activity: int) -> dict[str, Any]:
    """Return the attributes that the class requires."""
    # A sign-in with an unknown user name has no known person.
    user = {"uid": str(event.account_id)} if event.account_id else {"name": "unknown"}
    if kind is ENTITY:
        type_ = next(name for name in _ENTITIES if event.tag.startswith(name))
        named = (
            [event.detail.get(name) for name in _ENTITIES[type_]] if _ENTITIES[type_] else [event.client_id]
        )
        uid = next((str(one) for one in named if one is not None), event.tag)
        return {"entity": {"uid": uid, "type": type_}}
    if kind is ACCESS:
        role = event.detail.get("before" if activity == _REVOKE else "after")
        return {"user": user, "privileges": str(event.detail.get("scope") or role or "").split()}
    return {"user": user} if kind in (AUTHENTICATION, ACCOUNT) else {}


def _placed(event: AuditEvent, kind: OCSFClass, issuer: str) -> dict[str, Any]:
    """Return values as attributes of the class, or else in `unmapped` by the names of our columns."""
    attributes = {
        "actor": _actor(event),
        "service": {"name": issuer},
        "src_endpoint": {"ip": event.ip} if event.ip else None,
        "session": {"uid": str(event.session_id)} if event.session_id else None,
    }
    columns: dict[str, dict[str, Any]] = {
        "actor": {"account_id": event.account_id and str(event.account_id), "actor_name": event.actor_name},
        "src_endpoint": {"ip": event.ip},
        "session": {"session_id": event.session_id and str(event.session_id)},
    }
    unmapped: dict[str, Any] = {
        "actor": event.actor,
        "actor_origin": event.actor_origin,
        "client_id": event.client_id,
        "logout_id": event.logout_id and str(event.logout_id),
        "chain": event.chain,
        "detail": event.detail or None,
    }
    for name in columns.keys() - kind.attributes:
        unmapped |= columns[name]
    placed = {name: value for name, value in attributes.items() if name in kind.attributes}
    return _without_nothing(placed) | {"unmapped": _without_nothing(unmapped)}


def _metadata(event: AuditEvent, kind: OCSFClass, issuer: str) -> dict[str, Any]:
    about = {
        "sequence": event.seq,
        "correlation_uid": event.correlation_id,
        "profiles": list(kind.profiles) or None,
    }
    return {
        "version": VERSION,
        "product": {"name": "Curfew", "vendor_name": "Curfew"},
        "log_name": "audit",
        "log_provider": issuer,
        "uid": str(event.id),
        "event_code": event.tag,
    } | _without_nothing(about)


def _actor(event: AuditEvent) -> dict[str, Any]:
    match event.actor:
        case "account":
            return {"user": {"uid": str(event.account_id)} if event.account_id else {"name": "unknown"}}
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

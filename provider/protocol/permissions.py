"""The permissions of administration; each is a scope that an access token may carry (rfc6749 §3.3)."""

from enum import StrEnum


class Permission(StrEnum):
    """One kind of administrative act, by the name of its scope."""

    READ = "curfew:admin:read"
    READ_AUDIT = "curfew:audit:read"
    END_SESSIONS = "curfew:sessions:end"
    CHANGE_DELIVERIES = "curfew:deliveries:write"
    BULK_LOGOUT = "curfew:logouts:bulk"
    CHANGE_PEOPLE = "curfew:people:write"
    CHANGE_CLIENTS = "curfew:clients:write"
    ROTATE_KEYS = "curfew:keys:rotate"
    CHANGE_ROLES = "curfew:roles:write"

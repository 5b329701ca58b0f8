"""The closed list of what an audit entry may say (KEY-33); a new kind of entry is a new line here."""

from enum import StrEnum


class EventTag(StrEnum):
    """What happened."""

    SIGN_IN_SUCCEEDED = "sign_in_succeeded"
    SIGN_IN_REFUSED = "sign_in_refused"
    SESSION_STARTED = "session_started"
    SESSION_RENEWED = "session_renewed"

    # One entry for each ending, whatever its cause: reason, scope and counts stand in the detail.
    LOGOUT = "logout"
    LOGOUT_REFUSED = "logout_refused"
    MASS_ENDING = "mass_ending"
    # It was stopped, taken up again, or given another pace while it ran.
    MASS_ENDING_STOPPED = "mass_ending_stopped"
    MASS_ENDING_RESUMED = "mass_ending_resumed"
    MASS_ENDING_PACED = "mass_ending_paced"

    GRANT_CREATED = "grant_created"
    GRANT_WIDENED = "grant_widened"
    GRANT_REVOKED = "grant_revoked"
    CONSENT_GIVEN = "consent_given"
    CONSENT_DENIED = "consent_denied"

    REFRESH_REPLAYED = "refresh_replayed"
    CODE_REPLAYED = "code_replayed"
    # A service was given a token to act for a person.
    TOKEN_EXCHANGED = "token_exchanged"  # noqa: S105 – the name of an event, not a secret.
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 – the name of an event, not a secret.

    DELIVERY_ACCEPTED = "delivery_accepted"
    # Of an earlier release, which gave up after two refusals.
    DELIVERY_REJECTED = "delivery_rejected"
    DELIVERY_EXPIRED = "delivery_expired"
    # By an operator, with a reason, or because its client was deleted.
    DELIVERY_CANCELLED = "delivery_cancelled"
    DELIVERY_SUPERSEDED = "delivery_superseded"
    DELIVERY_RESENT = "delivery_resent"

    # An endpoint keeps answering, but not with success.
    ENDPOINT_REFUSING = "endpoint_refusing"
    # An endpoint has failed for so long that its owner must know, and the day it works again.
    ENDPOINT_DEGRADED = "endpoint_degraded"
    ENDPOINT_RECOVERED = "endpoint_recovered"

    CLIENT_ADDED = "client_added"
    CLIENT_UPDATED = "client_updated"
    CLIENT_REMOVED = "client_removed"
    # A request was refused for what its client is, has or registered; written no more often than a limit.
    CLIENT_REFUSED = "client_refused"
    # Who may register clients by themselves.
    INITIAL_TOKEN_CREATED = "initial_token_created"  # noqa: S105 – the name of an event, not a secret.
    INITIAL_TOKEN_REVOKED = "initial_token_revoked"  # noqa: S105 – the name of an event, not a secret.
    # Its logout endpoint was tried with good and bad tokens.
    CLIENT_EXAMINED = "client_examined"

    RESOURCE_ADDED = "resource_added"
    RESOURCE_REMOVED = "resource_removed"

    ACCOUNT_ADDED = "account_added"
    ACCOUNT_UPDATED = "account_updated"
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_ENABLED = "account_enabled"
    ACCOUNT_DELETED = "account_deleted"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 – the name of an event, not a secret.
    PASSWORD_RESET = "password_reset"  # noqa: S105 – the name of an event, not a secret.

    KEY_CREATED = "key_created"
    KEY_ACTIVATED = "key_activated"
    KEY_RETIRED = "key_retired"
    KEY_HINT_ONLY = "key_hint_only"
    KEY_DESTROYED = "key_destroyed"
    KEY_COMPROMISED = "key_compromised"

    # The key-encryption key: another one opens the data keys, too; and then it alone.
    SECRET_KEY_ADDED = "secret_key_added"  # noqa: S105 – the name of an event, not a secret.
    SECRET_KEY_REMOVED = "secret_key_removed"  # noqa: S105 – the name of an event, not a secret.

    # A backup was restored or a failover lost what was committed last, and everything was ended for it.
    DATABASE_RESTORED = "database_restored"
    # Somebody has said that nothing was lost by a failover or a move.
    FAILOVER_ACCEPTED = "failover_accepted"

    # Old entries were deleted by their age; the detail says where the chain now begins.
    AUDIT_PRUNED = "audit_pruned"

"""The closed list of audit events (KEY-33): the tag of each, its meaning, and the fields of its entries.

`docs/reference/audit-events.md` is generated from this list. Writing another field is a warning, which fails
the tests. Every entry also has the time, the actor, the address and the correlation id.
"""

from provider.audit.declared_event import DeclaredEvent


class EventTag(DeclaredEvent):
    """The events; each has a tag, a meaning and fields."""

    SIGN_IN_SUCCEEDED = ("sign_in_succeeded", "A person signed in.", "account_id client_id")
    SIGN_IN_REFUSED = (
        "sign_in_refused",
        (
            "A sign-in was refused. `account_id` is empty for an unknown user name, which is not kept: it "
            "may be a mistyped password."
        ),
        "account_id client_id reason",
    )
    SESSION_STARTED = ("session_started", "A session began in a browser.", "account_id session_id device")
    SESSION_RENEWED = (
        "session_renewed",
        "The person of a session signed in again; the session has a new cookie.",
        "account_id session_id",
    )

    LOGOUT = (
        "logout",
        "A logout: one entry for each, whatever its cause.",
        (
            "account_id client_id session_id logout_id reason scope sessions_ended client_sessions_ended "
            "grants_revoked grants_surviving apps_to_notify notifications"
        ),
    )
    LOGOUT_REFUSED = (
        "logout_refused",
        "A Global Token Revocation request named no account, or several.",
        "client_id reason status",
    )
    BULK_LOGOUT = (
        "mass_ending",
        "A bulk logout began. The affected sessions, grants and tokens are rejected from then on.",
        "client_id mass_ending_id kind issued_before",
    )
    BULK_LOGOUT_STOPPED = (
        "mass_ending_stopped",
        "An operator stopped a running bulk logout.",
        "mass_ending_id done pace",
    )
    BULK_LOGOUT_RESUMED = (
        "mass_ending_resumed",
        "An operator resumed a stopped bulk logout.",
        "mass_ending_id done pace",
    )
    BULK_LOGOUT_PACED = (
        "mass_ending_paced",
        "An operator changed how many notifications per second a bulk logout may create.",
        "mass_ending_id done pace",
    )

    GRANT_CREATED = (
        "grant_created",
        "A person allowed a client access for the first time, or again after the last grant ended.",
        "account_id client_id scope offline claims resources",
    )
    GRANT_WIDENED = (
        "grant_widened",
        "An active grant was extended; the fields show its new state.",
        "account_id client_id scope offline claims resources",
    )
    GRANT_REVOKED = (
        "grant_revoked",
        "A client revoked the refresh token of an offline grant, and the grant with it.",
        "account_id client_id session_id",
    )
    CONSENT_GIVEN = (
        "consent_given",
        "A person allowed what a client or a device asked for.",
        "account_id client_id session_id scope claims resources device device_ip",
    )
    CONSENT_DENIED = (
        "consent_denied",
        "A person denied what a client or a device asked for.",
        "account_id client_id session_id scope claims resources device device_ip",
    )

    REFRESH_REPLAYED = (
        "refresh_replayed",
        "A refresh token that had been replaced was presented; its grant ended.",
        "account_id client_id session_id generation",
    )
    CODE_REPLAYED = (
        "code_replayed",
        "An authorization code was presented a second time; the tokens issued for it were revoked.",
        "account_id client_id session_id revoked",
    )
    TOKEN_EXCHANGED = (
        "token_exchanged",
        "A service exchanged a token to act for a person. `of` is the client whose token it presented.",
        "account_id client_id session_id of scope",
    )
    TOKEN_REVOKED = (
        "token_revoked",
        "A client revoked one of its tokens, or an operator revoked service tokens.",
        "account_id client_id session_id kind token_id revoked",
    )

    DELIVERY_ACCEPTED = (
        "delivery_accepted",
        "An app confirmed a Logout Token.",
        "account_id client_id session_id logout_id delivery_id attempts outcome status reason",
    )
    DELIVERY_REJECTED = (
        "delivery_rejected",
        "An app permanently refused a Logout Token. Written by earlier releases only.",
        "account_id client_id session_id logout_id delivery_id attempts outcome status reason",
    )
    DELIVERY_EXPIRED = (
        "delivery_expired",
        "An app was not notified within the retry schedule. `curfew delivery retry` tries again.",
        "account_id client_id session_id logout_id delivery_id attempts outcome status reason",
    )
    DELIVERY_CANCELLED = (
        "delivery_cancelled",
        "A notification was cancelled by an operator, or because its client was removed.",
        "account_id client_id session_id logout_id delivery_id attempts outcome status reason",
    )
    DELIVERY_SUPERSEDED = (
        "delivery_superseded",
        "A notification with only `sub` was dropped, because the person has signed in at the app again.",
        "account_id client_id session_id logout_id delivery_id attempts outcome status reason",
    )
    DELIVERY_RESENT = (
        "delivery_resent",
        "An operator put a finished notification back into the queue.",
        "account_id client_id logout_id delivery_id",
    )

    ENDPOINT_REFUSING = (
        "endpoint_refusing",
        "An app's logout endpoint keeps answering without success.",
        "client_id outcome",
    )
    ENDPOINT_DEGRADED = (
        "endpoint_degraded",
        "An app's logout endpoint has failed for longer than `CURFEW_ENDPOINT_DEGRADED_AFTER`.",
        "client_id failing_since outcome waiting",
    )
    ENDPOINT_TRIED = ("endpoint_tried", "An operator had a failing endpoint tried.", "client_id")
    ENDPOINT_RECOVERED = (
        "endpoint_recovered",
        "A degraded logout endpoint works again.",
        "client_id degraded_since",
    )

    CLIENT_ADDED = (
        "client_added",
        "A client was registered, by an operator or by itself.",
        "client_id metadata client_name redirect_uris",
    )
    CLIENT_UPDATED = (
        "client_updated",
        "A client was changed. `changed` holds the names of what changed, `before` and `after` its values.",
        (
            "client_id changed before after auth_methods options enabled service_tokens_ended client_name "
            "redirect_uris"
        ),
    )
    CLIENT_REMOVED = ("client_removed", "A client was removed.", "client_id client_name redirect_uris")
    CLIENT_REFUSED = (
        "client_refused",
        (
            "A request was refused because of its client's state, credentials or registration. Rate-limited; "
            "the log has every refusal."
        ),
        "client_id claimed_client_id kind sentence cause used registered refused answer alg",
    )
    INITIAL_TOKEN_CREATED = (
        "initial_token_created",
        "An operator created an initial access token.",
        "token_id name",
    )
    INITIAL_TOKEN_REVOKED = (
        "initial_token_revoked",
        "An operator revoked an initial access token.",
        "token_id",
    )
    CLIENT_EXAMINED = (
        "client_examined",
        "An operator tried a client's logout endpoint with good and bad tokens.",
        "client_id grade failed",
    )

    RESOURCE_ADDED = ("resource_added", "A resource server was registered.", "client_id resource")
    RESOURCE_UPDATED = ("resource_updated", "A resource server was changed.", "resource changed before after")
    RESOURCE_REMOVED = ("resource_removed", "A resource server was removed.", "resource")
    CONFIGURATION_APPLIED = (
        "configuration_applied",
        "Configuration files were applied. Each lists the objects as kind and key.",
        "configurations plan_hash created updated adopted removed",
    )

    ACCOUNT_ADDED = ("account_added", "An account was created.", "account_id claims")
    ACCOUNT_UPDATED = (
        "account_updated",
        "An account was changed. `changed` holds the names of what changed, not the values.",
        "account_id changed",
    )
    ACCOUNT_DISABLED = (
        "account_disabled",
        "An account was disabled and signed out everywhere.",
        "account_id logout_id",
    )
    ACCOUNT_ENABLED = ("account_enabled", "A disabled account was enabled.", "account_id")
    ACCOUNT_DELETED = (
        "account_deleted",
        "An account was deleted and signed out everywhere.",
        "account_id logout_id",
    )
    PERSONAL_DATA_ERASED = (
        "personal_data_erased",
        "Addresses and devices were taken out of the entries about a deleted person.",
        "account_id entries",
    )
    PASSWORD_CHANGED = ("password_changed", "A person changed the password.", "account_id session_id")
    PASSWORD_RESET = (
        "password_reset",
        "An operator set a new password; the account was signed out everywhere.",
        "account_id logout_id",
    )

    PASSWORD_RESET_BEGUN = (
        "password_reset_begun",
        (
            "An operator made a link by which the person sets a new password; the old one is void, and the "
            "account was signed out everywhere."
        ),
        "account_id logout_id",
    )
    PASSWORD_SET_BY_LINK = (
        "password_set_by_link",
        "A person set a new password by the link of an operator.",
        "account_id logout_id",
    )
    ROLE_CHANGED = (
        "role_changed",
        (
            "A person was given another role in administration; `none` is no role. The actor `account` is a "
            "person who became the first administrator by a link."
        ),
        "account_id before after",
    )
    ADMINISTRATOR_LINK_MADE = (
        "administrator_link_made",
        "A one-time link for the first administrator was made.",
        "link_id",
    )

    KEY_CREATED = ("key_created", "A signing key was created.", "kid alg")
    KEY_ACTIVATED = ("key_activated", "A signing key began to sign.", "kid alg")
    KEY_RETIRED = (
        "key_retired",
        "A signing key stopped signing: its private part was deleted, the public one is still published.",
        "kid alg",
    )
    KEY_HINT_ONLY = (
        "key_hint_only",
        "A retired key left the JWKS; it still verifies ID Token hints.",
        "kid alg",
    )
    KEY_DESTROYED = ("key_destroyed", "A key was removed and no longer verifies anything.", "kid alg")
    KEY_COMPROMISED = ("key_compromised", "An operator withdrew a key as compromised.", "kid alg")

    SECRET_KEY_ADDED = ("secret_key_added", "A second key-encryption key can open the data keys.", "key")
    SECRET_KEY_REMOVED = (
        "secret_key_removed",
        "The former key-encryption key was removed, and a new data key is in use.",
        "generation",
    )

    DATABASE_RESTORED = (
        "database_restored",
        "A backup was restored, or a failover lost commits; all sessions and grants ended.",
        "mass_ending_id lineage_id place",
    )
    FAILOVER_ACCEPTED = (
        "failover_accepted",
        "An operator confirmed that a failover or a move lost no data.",
        "place",
    )

    AUDIT_PRUNED = (
        "audit_pruned",
        "Entries older than the retention were deleted; the fields prove where the chain now begins.",
        "through chain least",
    )

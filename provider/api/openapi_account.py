"""The OpenAPI parts that the account API's endpoints share."""

from typing import Any

from provider.api.pages import MOST, USUAL
from provider.protocol.scopes import ACCOUNT
from provider.web.openapi import (
    COUNT,
    IDENTIFIER,
    INSTANT,
    TEXT,
    YES_OR_NO,
    Described,
    as_json,
    in_query,
    many,
    object_of,
    response,
    schema,
)

PERSON = [{"accountToken": [ACCOUNT]}]
_REFUSALS: Described = {
    "401": response("NoSession"),
    "403": response("MissingScope"),
    "default": response("OtherError"),
}
PAGE = [
    in_query(
        "limit",
        "Maximum number of results.",
        {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
    ),
    in_query("after", "The value of next from the previous page.", IDENTIFIER),
]


def operation(name: str, summary: str, responses: Described, **more: Any) -> Described:
    """Describe an operation of the account API."""
    return {
        "operationId": name,
        "tags": ["account"],
        "summary": summary,
        "security": PERSON,
        "responses": responses | _REFUSALS,
    } | more


_NEXT = {"type": ["string", "null"], "format": "uuid", "description": "The `after` of the next page."}
_SESSION: dict[str, Described] = {
    "id": IDENTIFIER,
    "current": YES_OR_NO | {"description": ("Whether the token was issued in this session.")},
    "device": TEXT,
    "is_device": YES_OR_NO
    | {"description": ("Whether it is a device without a browser that signed in with a code.")},
    "ip": {"type": ["string", "null"]},
    "created_at": INSTANT,
    "last_seen_at": INSTANT,
    "ends_at": INSTANT | {"description": "When it expires unless it is used."},
    "apps": many(schema("App")),
}
_GRANT: dict[str, Described] = {
    "id": IDENTIFIER,
    "current": YES_OR_NO | {"description": "Whether the token was issued on this grant."},
    "app": schema("App"),
    "scope": TEXT,
    "claims": many(TEXT)
    | {"description": ("Individual claims that the person allowed in addition to the scopes.")},
    "resources": many(TEXT) | {"description": "Resource servers that the person allowed (RFC 8707)."},
    "offline": YES_OR_NO | {"description": "Whether it outlives the session."},
    "created_at": INSTANT,
    "until": INSTANT,
}
_PREVIEWED_APP: dict[str, Described] = {
    "client_id": TEXT,
    "name": TEXT,
    "offline": YES_OR_NO,
    "until": INSTANT,
    "will_be_notified": YES_OR_NO
    | {"description": "Whether it has an address for logout, to which a notification will be sent."},
}
_SIGNED_TOKENS: dict[str, Described] = {
    "client_id": TEXT,
    "name": TEXT,
    "until": INSTANT | {"description": "When the last of its signed access tokens expires."},
}
SCHEMAS: Described = {
    "App": object_of(client_id=TEXT, name=TEXT),
    "Session": object_of(**_SESSION),
    "Sessions": object_of(sessions=many(schema("Session")), next=_NEXT),
    "Grant": object_of(**_GRANT),
    "Grants": object_of(grants=many(schema("Grant")), next=_NEXT),
    "PreviewedApp": object_of(**_PREVIEWED_APP),
    "Preview": object_of(
        session_count=COUNT,
        sessions=many(schema("Session")),
        grant_count=COUNT,
        refresh_token_count=COUNT,
        apps=many(schema("PreviewedApp")),
        apps_to_notify=many(schema("App")),
        signed_access_tokens=many(object_of(**_SIGNED_TOKENS))
        | {"description": "Apps with signed tokens that an API may accept locally until they expire."},
        residual_risk=TEXT | {"description": "What the sign-out cannot reach, as text."},
    ),
    "SignedOutEverywhere": object_of(
        logout_id=IDENTIFIER,
        at=INSTANT,
        sessions_ended=COUNT,
        grants_revoked=COUNT,
        refresh_tokens_revoked=COUNT,
        apps_to_notify=many(schema("App")),
    ),
    "AccountError": object_of(
        error=TEXT,
        code={
            "type": "integer",
            "enum": [9000, 9001, 9002],
            "description": "9001: no token. 9002: invalid or expired session. 9000: any other error.",
        },
    )
    | {"additionalProperties": TEXT},
}
RESPONSES: Described = {
    "Done": {"description": "It has ended, now or earlier."},
    "Unknown": as_json("It does not exist, or belongs to another person.", schema("AccountError")),
    "NoSession": as_json(
        "No token (code 9001), or the session is invalid or has expired (code 9002).",
        schema("AccountError"),
    ),
    "MissingScope": as_json(
        "The token lacks the scope, or its client must not use it.", schema("AccountError")
    ),
    "OtherError": as_json("Any other error (code 9000); 5xx: retry later.", schema("AccountError")),
}

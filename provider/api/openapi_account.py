"""The account API as OpenAPI describes it."""

from typing import Any

from provider.api.openapi_words import (
    COUNT,
    IDENTIFIER,
    INSTANT,
    TEXT,
    YES_OR_NO,
    Described,
    as_json,
    form,
    in_path,
    in_query,
    many,
    response,
    schema,
    thing,
)
from provider.api.pages import MOST, USUAL
from provider.protocol.scopes import ACCOUNT

_PERSON = [{"accountToken": [ACCOUNT]}]
_REFUSALS: Described = {
    "401": response("NoSession"),
    "403": response("NoRight"),
    "default": response("OtherTrouble"),
}
_PAGE = [
    in_query(
        "limit",
        "Maximum number of results.",
        {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
    ),
    in_query("after", "The value of next from the previous page.", IDENTIFIER),
]


def _operation(name: str, summary: str, answers: Described, **more: Any) -> Described:
    return {
        "operationId": name,
        "tags": ["account"],
        "summary": summary,
        "security": _PERSON,
        "responses": answers | _REFUSALS,
    } | more


_EVERYWHERE_SUMMARY = "Sign out everywhere: all sessions, all grants, all refresh tokens."
_EVERYWHERE_MEANING = (
    "Ends all sessions and grants of the person, on all devices, and notifies every app with a logout "
    "address. Send the person's access token; once that has expired, send the refresh token in the form "
    "with the client's authentication as at the token endpoint. A repeated request gets the same answer "
    "and ends nothing more, even with the revoked token: retry if the answer was lost, and delete local "
    "tokens only after receiving it."
)
_REFRESH_TOKEN_AND_CLIENT = (
    *("refresh_token", "client_id", "client_secret"),
    *("client_assertion", "client_assertion_type"),
)
PATHS: Described = {
    "/account/sign-out-everywhere": {
        "get": _operation(
            "previewSignOutEverywhere",
            "Preview signing out everywhere.",
            {
                "200": as_json(
                    ("The sessions and grants that would end, and the apps that would be notified."),
                    schema("Preview"),
                )
            },
        ),
        "post": _operation(
            "signOutEverywhere",
            _EVERYWHERE_SUMMARY,
            {"200": as_json("What ended.", schema("SignedOutEverywhere"))},
            description=_EVERYWHERE_MEANING,
            security=[*_PERSON, {"clientSecretBasic": []}, {}],
            requestBody=form(members=dict.fromkeys(_REFRESH_TOKEN_AND_CLIENT, TEXT)),
        ),
    },
    "/account/sessions": {
        "get": _operation(
            "listSessions",
            "The person's active sessions, newest first.",
            {"200": as_json("A page of sessions.", schema("Sessions"))},
            parameters=_PAGE,
        ),
        "delete": _operation(
            "endOtherSessions",
            "Sign out of all other browsers and devices; offline grants stay.",
            {"204": response("Done"), "422": response("OtherTrouble")},
        ),
    },
    "/account/sessions/{session_id}": {
        "delete": _operation(
            "endSession",
            "Sign out of one browser; offline grants stay.",
            {"204": response("Done"), "404": response("Unknown")},
            parameters=[in_path("session_id", "The session's id.")],
        )
    },
    "/account/grants": {
        "get": _operation(
            "listGrants",
            "The person's grants, newest first.",
            {"200": as_json("A page of grants.", schema("Grants"))},
            parameters=_PAGE,
        )
    },
    "/account/grants/{grant_id}": {
        "delete": _operation(
            "revokeGrant",
            "Sign out of one app and revoke its grant, including offline access.",
            {"204": response("Done"), "404": response("Unknown")},
            parameters=[in_path("grant_id", "The grant's id.")],
        )
    },
}
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
    "App": thing(client_id=TEXT, name=TEXT),
    "Session": thing(**_SESSION),
    "Sessions": thing(sessions=many(schema("Session")), next=_NEXT),
    "Grant": thing(**_GRANT),
    "Grants": thing(grants=many(schema("Grant")), next=_NEXT),
    "PreviewedApp": thing(**_PREVIEWED_APP),
    "Preview": thing(
        session_count=COUNT,
        sessions=many(schema("Session")),
        grant_count=COUNT,
        refresh_token_count=COUNT,
        apps=many(schema("PreviewedApp")),
        apps_to_notify=many(schema("App")),
        signed_access_tokens=many(thing(**_SIGNED_TOKENS))
        | {"description": "Apps with signed tokens that an API may accept locally until they expire."},
        residual_risk=TEXT | {"description": "What the sign-out cannot reach, as text."},
    ),
    "SignedOutEverywhere": thing(
        logout_id=IDENTIFIER,
        at=INSTANT,
        sessions_ended=COUNT,
        grants_revoked=COUNT,
        refresh_tokens_revoked=COUNT,
        apps_to_notify=many(schema("App")),
    ),
    "AccountError": thing(
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
    "NoRight": as_json("The token lacks the scope, or its client must not use it.", schema("AccountError")),
    "OtherTrouble": as_json("Any other error (code 9000); 5xx: retry later.", schema("AccountError")),
}

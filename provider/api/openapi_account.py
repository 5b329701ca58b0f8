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
        "How many at most.",
        {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
    ),
    in_query("after", "The value of next of the page before.", IDENTIFIER),
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
    "Ends everything of the person, on all devices, and notifies every app with a logout address. "
    "Send the person's access token; once that has expired, send the refresh token in the form with the "
    "client's authentication as at the token endpoint. A repeated request gets the same answer and ends "
    "nothing more, also with the token that is dead now: so retry when the answer was lost, and delete local "
    "tokens only after it came."
)
_REFRESH_TOKEN_AND_CLIENT = (
    *("refresh_token", "client_id", "client_secret"),
    *("client_assertion", "client_assertion_type"),
)
PATHS: Described = {
    "/account/sign-out-everywhere": {
        "get": _operation(
            "previewSignOutEverywhere",
            "What signing out everywhere would end.",
            {"200": as_json("What would end, and which apps would be notified.", schema("Preview"))},
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
            "The person's living sessions, newest first.",
            {"200": as_json("A page of sessions.", schema("Sessions"))},
            parameters=_PAGE,
        ),
        "delete": _operation(
            "endOtherSessions",
            "Sign out of all browsers and devices but the one with this token; offline grants live on.",
            {"204": response("Done"), "422": response("OtherTrouble")},
        ),
    },
    "/account/sessions/{session_id}": {
        "delete": _operation(
            "endSession",
            "Sign out of one browser; offline grants live on.",
            {"204": response("Done"), "404": response("Unknown")},
            parameters=[in_path("session_id", "The session's id.")],
        )
    },
    "/account/grants": {
        "get": _operation(
            "listGrants",
            "What the person has allowed apps, newest first.",
            {"200": as_json("A page of grants.", schema("Grants"))},
            parameters=_PAGE,
        )
    },
    "/account/grants/{grant_id}": {
        "delete": _operation(
            "revokeGrant",
            "Sign out of one app and take back what it was allowed, offline access too.",
            {"204": response("Done"), "404": response("Unknown")},
            parameters=[in_path("grant_id", "The grant's id.")],
        )
    },
}
_NEXT = {"type": ["string", "null"], "format": "uuid", "description": "The `after` of the next page."}
_SESSION: dict[str, Described] = {
    "id": IDENTIFIER,
    "current": YES_OR_NO | {"description": "Whether the token was issued in this session."},
    "device": TEXT,
    "is_device": YES_OR_NO | {"description": "Whether it has no browser and was let in by a code."},
    "ip": {"type": ["string", "null"]},
    "created_at": INSTANT,
    "last_seen_at": INSTANT,
    "ends_at": INSTANT | {"description": "When it ends by itself unless it is used."},
    "apps": many(schema("App")),
}
_GRANT: dict[str, Described] = {
    "id": IDENTIFIER,
    "current": YES_OR_NO | {"description": "Whether the token was issued on this grant."},
    "app": schema("App"),
    "scope": TEXT,
    "claims": many(TEXT) | {"description": "Single claims that the person allowed beyond the scopes."},
    "resources": many(TEXT) | {"description": "Resource servers that the person was asked about (RFC 8707)."},
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
        | {"description": "Apps with tokens that an API which does not ask may accept until they expire."},
        residual_risk=TEXT | {"description": "What this cannot reach, in words."},
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
            "description": "9001: no token came. 9002: invalid or expired session. 9000: anything else.",
        },
    )
    | {"additionalProperties": TEXT},
}
RESPONSES: Described = {
    "Done": {"description": "It has ended, now or before."},
    "Unknown": as_json("There is no such thing, or it is somebody else's.", schema("AccountError")),
    "NoSession": as_json(
        "No token came (code 9001), or the session is invalid or has expired (code 9002).",
        schema("AccountError"),
    ),
    "NoRight": as_json("The token has not the scope, or its client may not use it.", schema("AccountError")),
    "OtherTrouble": as_json("Anything else (code 9000); 5xx: try again later.", schema("AccountError")),
}

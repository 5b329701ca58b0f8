"""The protocol endpoints as OpenAPI describes them; what they mean is in the specifications."""

from typing import Any

from provider.api.openapi_words import (
    COUNT,
    TEXT,
    Described,
    as_content,
    as_json,
    form,
    in_query,
    response,
    schema,
    thing,
)
from provider.protocol.scopes import ACCOUNT, CLIENT_SCOPES, GLOBAL_TOKEN_REVOCATION, PERSONAL_SCOPES

_ANY: Described = {"type": "object"}
_JSON_OR_JWT: Described = {"application/json": _ANY, "application/jwt": TEXT}
_JSON_OR_SIGNED: Described = {"application/json": _ANY, "application/token-introspection+jwt": TEXT}
_CLIENT: list[Described] = [{"clientSecretBasic": []}, {}]
_PERSON: list[Described] = [{"bearer": []}, {"dpop": []}]
_DPOP: Described = {
    "name": "DPoP",
    "in": "header",
    "description": "A DPoP proof (RFC 9449). Required with bound tokens; binds new tokens.",
    "schema": TEXT,
}
_PROOF = dict.fromkeys(("client_id", "client_secret", "client_assertion", "client_assertion_type"), TEXT)
_REFUSED: Described = {"default": response("ProtocolError")}
_HTML: Described = {"content": {"text/html": {"schema": TEXT}}}
_PAGE: Described = {
    "200": {"description": "A page."} | _HTML,
    "303": {"description": "Redirect."} | _HTML,
    "default": {"description": "An error page."} | _HTML,
}


def _operation(
    name: str,
    summary: str,
    answers: Described,
    *,
    security: list[Described] | None = None,
    **more: Any,
) -> Described:
    return {
        "operationId": name,
        "tags": ["protocol"],
        "summary": summary,
        "security": security or [],
        "responses": _REFUSED | answers,
    } | more


def _by_get_and_post(name: str, summary: str, *parameters: str) -> Described:
    """Describe an endpoint for browsers that takes its parameters from the query or from a form."""
    fields = dict.fromkeys(parameters, TEXT)
    asked = [in_query(parameter, "See the specification.", TEXT) for parameter in parameters]
    return {
        "get": _operation(name, summary, _PAGE, parameters=asked),
        "post": _operation(f"{name}ByPost", summary, _PAGE, requestBody=form(members=fields)),
    }


def _for_clients(name: str, summary: str, answers: Described, *required: str, **more: Described) -> Described:
    """Describe an endpoint to which a client posts a form with its proof."""
    members = dict.fromkeys(required, TEXT) | more | _PROOF
    return {
        "post": _operation(
            name, summary, answers, security=_CLIENT, requestBody=form(required, members=members)
        )
    }


def _with_proof(described: Described) -> Described:
    """Describe an endpoint that looks at a DPoP proof."""
    return {"post": described["post"] | {"parameters": [_DPOP]}}


def _document(name: str, summary: str) -> Described:
    return {"get": _operation(name, summary, {"200": as_json("The document.", _ANY)})}


_AUTHORIZE = (
    *("client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "prompt"),
    *("max_age", "id_token_hint", "login_hint", "ui_locales", "acr_values"),
    *("code_challenge", "code_challenge_method", "resource", "claims", "dpop_jkt", "display", "request"),
)
_END_SESSION = (
    *("id_token_hint", "client_id", "logout_hint", "post_logout_redirect_uri", "state", "ui_locales"),
)
_TOKEN = (
    *("code", "redirect_uri", "code_verifier", "refresh_token", "device_code", "scope", "resource"),
    *("subject_token", "subject_token_type", "requested_token_type", "audience"),
)
_USERINFO = _operation(
    "userinfo",
    "The claims of the token's scopes (OpenID Connect Core 1.0, 5.3).",
    {"200": as_content("The claims, signed if the client registered that.", **_JSON_OR_JWT)},
    security=_PERSON,
    parameters=[_DPOP],
)
_GLOBAL_TOKEN_REVOCATION = _operation(
    "globalTokenRevocation",
    "Sign a person out everywhere for an upstream provider (Global Token Revocation, an Internet-Draft).",
    {
        "204": {"description": "All sessions and grants of the person have ended."},
        "404": response("ProtocolError"),
        "422": response("ProtocolError"),
    },
    security=[{"clientToken": [GLOBAL_TOKEN_REVOCATION]}],
    requestBody={
        "required": True,
        "content": {"application/json": {"schema": schema("GlobalTokenRevocation")}},
    },
)
PATHS: Described = {
    "/.well-known/openid-configuration": _document("discovery", "OpenID Connect Discovery 1.0."),
    "/.well-known/oauth-authorization-server": _document("oauthMetadata", "RFC 8414."),
    "/jwks": {
        "get": _operation(
            "jwks",
            "The public keys (RFC 7517).",
            {"200": as_content("The keys.", **{"application/jwk-set+json": _ANY})},
        )
    },
    "/authorize": _by_get_and_post(
        "authorize", "OpenID Connect Core 1.0, 3.1.2.", *_AUTHORIZE, "request_uri"
    ),
    "/par": _with_proof(
        _for_clients(
            "pushedAuthorizationRequest",
            "A pushed authorization request (RFC 9126).",
            {
                "201": as_json(
                    ("The request_uri to send in the authorization request."),
                    thing(request_uri=TEXT, expires_in=COUNT),
                )
            },
            **dict.fromkeys(_AUTHORIZE, TEXT),
        )
    ),
    "/token": _with_proof(
        _for_clients(
            "token",
            "Tokens for a code, refresh token, device code, token exchange or client credentials (RFC "
            "6749, 8628, 8693).",
            {"200": as_json("The tokens.", schema("Tokens"))},
            "grant_type",
            **dict.fromkeys(_TOKEN, TEXT),
        )
    ),
    "/device-authorization": _for_clients(
        "deviceAuthorization",
        "Codes for a device without a browser (RFC 8628).",
        {"200": as_json("The codes, and where the person enters the user code.", schema("DeviceCodes"))},
        **dict.fromkeys(("scope", "resource"), TEXT),
    ),
    "/userinfo": {"get": _USERINFO, "post": _USERINFO | {"operationId": "userinfoByPost"}},
    "/introspect": _for_clients(
        "introspect",
        "Whether a token is active (RFC 7662).",
        {"200": as_content("The introspection response, signed if requested (RFC 9701).", **_JSON_OR_SIGNED)},
        "token",
        token_type_hint=TEXT,
    ),
    "/revoke": _for_clients(
        "revoke",
        "Revoke a token; an invalid token gets the same answer (RFC 7009).",
        {"200": {"description": "Revoked."}},
        "token",
        token_type_hint=TEXT,
    ),
    "/session/end": _by_get_and_post(
        "endSessionByRedirect", "OpenID Connect RP-Initiated Logout 1.0.", *_END_SESSION
    ),
    "/global-token-revocation": {"post": _GLOBAL_TOKEN_REVOCATION},
    "/openapi.json": _document("openapi", "This document."),
}


def _subject(form_of: str, **members: Described) -> Described:
    return {
        "type": "object",
        "required": ["format", *members],
        "properties": {"format": {"const": form_of}} | members,
        "additionalProperties": False,
    }


_TOKENS = ("access_token", "token_type", "refresh_token", "id_token", "scope", "issued_token_type")
SCHEMAS: Described = {
    "ProtocolError": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": TEXT, "error_description": TEXT},
    },
    "Tokens": {
        "type": "object",
        "required": ["access_token", "token_type", "expires_in"],
        "properties": dict.fromkeys(_TOKENS, TEXT) | {"expires_in": COUNT},
    },
    "DeviceCodes": thing(
        device_code=TEXT,
        user_code=TEXT,
        verification_uri=TEXT,
        verification_uri_complete=TEXT,
        expires_in=COUNT,
        interval=COUNT,
    ),
    "GlobalTokenRevocation": {
        "type": "object",
        "required": ["sub_id"],
        "properties": {"sub_id": schema("SubjectIdentifier")},
    },
    "SubjectIdentifier": {
        "description": "A Subject Identifier (RFC 9493). opaque holds the account's identifier.",
        "oneOf": [
            _subject("iss_sub", iss=TEXT, sub=TEXT),
            _subject("email", email=TEXT),
            _subject("opaque", id=TEXT),
        ],
    },
}
RESPONSES: Described = {
    "ProtocolError": as_json("An error code of the specification.", schema("ProtocolError")),
}
_CLIENT_FLOW = {"tokenUrl": "/token", "scopes": dict.fromkeys(CLIENT_SCOPES, "Global Token Revocation.")}
_PERSON_FLOW = {
    "authorizationUrl": "/authorize",
    "tokenUrl": "/token",
    "scopes": dict.fromkeys(PERSONAL_SCOPES, "See the discovery document.")
    | {ACCOUNT: "See and end the person's sessions and grants."},
}
SECURITY_SCHEMES: Described = {
    "accountToken": {"type": "oauth2", "flows": {"authorizationCode": _PERSON_FLOW}},
    "clientToken": {"type": "oauth2", "flows": {"clientCredentials": _CLIENT_FLOW}},
    "bearer": {"type": "http", "scheme": "bearer"},
    "dpop": {"type": "http", "scheme": "dpop"},
    "clientSecretBasic": {"type": "http", "scheme": "basic"},
}

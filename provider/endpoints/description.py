"""OpenAPI descriptions shared by several protocol endpoints; the specifications define the parameters."""

from typing import Any

from provider.web.openapi import TEXT, Described, form, in_query, operation

ANY: Described = {"type": "object"}
BEARER: list[Described] = [{"bearer": []}, {"dpop": []}]
DPOP: Described = {
    "name": "DPoP",
    "in": "header",
    "description": "A DPoP proof (RFC 9449). Required with bound tokens; binds new tokens.",
    "schema": TEXT,
}
# The parameters of an authorization request, pushed or not.
AUTHORIZATION_PARAMETERS = (
    *("client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "prompt"),
    *("max_age", "id_token_hint", "login_hint", "ui_locales", "acr_values"),
    *("code_challenge", "code_challenge_method", "resource", "claims", "dpop_jkt", "display", "request"),
)
_CLIENT: list[Described] = [{"clientSecretBasic": []}, {}]
_PROOF = dict.fromkeys(("client_id", "client_secret", "client_assertion", "client_assertion_type"), TEXT)
_HTML: Described = {"content": {"text/html": {"schema": TEXT}}}
_PAGE: Described = {
    "200": {"description": "A page."} | _HTML,
    "303": {"description": "Redirect."} | _HTML,
    "default": {"description": "An error page."} | _HTML,
}


def for_browsers(name: str, summary: str, *parameters: str) -> Described:
    """Describe an endpoint for browsers that reads its parameters from the query or from a form."""
    fields = dict.fromkeys(parameters, TEXT)
    asked = [in_query(parameter, "See the specification.", TEXT) for parameter in parameters]
    return {
        "GET": operation(name, summary, _PAGE, parameters=asked),
        "POST": operation(f"{name}ByPost", summary, _PAGE, requestBody=form(members=fields)),
    }


def for_clients(
    name: str,
    summary: str,
    responses: Described,
    *required: str,
    members: Described,
    parameters: list[Described] | None = None,
) -> Described:
    """Describe an endpoint to which a client posts a form with its authentication."""
    fields = dict.fromkeys(required, TEXT) | members | _PROOF
    more: dict[str, Any] = {"parameters": parameters} if parameters else {}
    return {
        "POST": operation(
            name, summary, responses, security=_CLIENT, requestBody=form(required, members=fields), **more
        )
    }

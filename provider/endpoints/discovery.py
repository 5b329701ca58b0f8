"""The discovery documents (discovery §3, rfc8414 §2): both list everything supported and nothing else."""

from datetime import timedelta
from typing import Any

from flask import Response, jsonify, request

from provider.infrastructure import current
from provider.keys.jwks import supported_algs
from provider.oauth.authorization import request_object
from provider.oauth.authorization.parameters import DISPLAYS, PROMPTS
from provider.oauth.client_proof import assertion as client_assertion
from provider.oauth.client_proof.authentication import ALL_METHODS, CONFIDENTIAL_METHODS, offered
from provider.protocol.acr import ACR_VALUES
from provider.protocol.client_metadata import ENCRYPTED_RESPONSES
from provider.protocol.dpop_proof import PROOF_ALGORITHMS
from provider.protocol.encrypted_token import CONTENT_ALGORITHMS, KEY_ALGORITHMS
from provider.protocol.grant_types import DEVICE_CODE, TOKEN_EXCHANGE
from provider.protocol.response_type import CODE, FRONT_CHANNEL_TYPES, RESPONSE_MODES
from provider.protocol.scopes import ADMIN_SCOPES, CLIENT_SCOPES, PERSONAL_SCOPES, STANDARD_CLAIMS
from provider.web.openapi import json_document
from provider.web.route import CORS, Route, Speaks
from provider.web.routes import table

_CACHE = "public, max-age=300"
# Short enough that a new or withdrawn key is published practically at once, and still of use to a cache
# (KEY-07).
SHARED_FOR = timedelta(seconds=1)
_LOCALES = ["en", "de"]


def discovery() -> Response:
    """Answer with the provider's metadata."""
    return publicly_cached(jsonify(metadata()))


def publicly_cached(response: Response) -> Response:
    """Let caches keep a response that is the same for everyone; it depends on no cookie (KEY-08)."""
    response.headers["Cache-Control"] = _CACHE
    response.add_etag()
    response.make_conditional(request)
    return response


def metadata() -> dict[str, Any]:
    """Return the metadata. The issuer comes from the settings, whatever `Host` says (SEC-1029)."""
    issuer = {"issuer": current.settings().issuer}
    return issuer | _addresses() | _authorization() | _clients() | _tokens() | _logout()


def _addresses() -> dict[str, Any]:
    """Return the URLs of the endpoints, also those for clients with a TLS certificate (rfc8705 §5)."""
    settings = current.settings()
    aliases = table().addresses_with_certificates(settings)
    return table().addresses(settings) | ({"mtls_endpoint_aliases": aliases} if aliases else {})


def _authorization() -> dict[str, Any]:
    legacy = current.settings().hybrid_response_types
    return {
        "response_types_supported": [CODE, *(FRONT_CHANNEL_TYPES if legacy else ())],
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": [
            *("authorization_code", "refresh_token", "client_credentials", DEVICE_CODE),
            TOKEN_EXCHANGE,
            *(["implicit"] if legacy else []),
        ],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": list(PROMPTS),
        "ui_locales_supported": _LOCALES,
        "authorization_response_iss_parameter_supported": True,
        "require_pushed_authorization_requests": current.settings().require_pushed_authorization_requests,
        "claims_parameter_supported": True,
        "acr_values_supported": list(ACR_VALUES),
        "display_values_supported": list(DISPLAYS),
    } | _request_objects()


def _request_objects() -> dict[str, Any]:
    taken = current.settings().request_objects
    # discovery §3: if omitted, the second one defaults to true.
    offered: dict[str, Any] = {"request_parameter_supported": taken, "request_uri_parameter_supported": taken}
    if taken:
        offered |= {
            "require_request_uri_registration": True,
            "request_object_signing_alg_values_supported": list(request_object.ALGORITHMS),
        }
    return offered


def _clients() -> dict[str, Any]:
    assertions = list(client_assertion.ALGORITHMS)
    methods = {"token": ALL_METHODS, "revocation": ALL_METHODS, "introspection": CONFIDENTIAL_METHODS}
    return {
        f"{name}_endpoint_auth_methods_supported": offered(allowed) for name, allowed in methods.items()
    } | {f"{name}_endpoint_auth_signing_alg_values_supported": assertions for name in methods}


def _tokens() -> dict[str, Any]:
    about_the_token = ["iss", "aud", "exp", "iat", "auth_time", "nonce", "sid", "acr", "amr", "at_hash"]
    return (
        {
            "scopes_supported": [*PERSONAL_SCOPES, *CLIENT_SCOPES, *ADMIN_SCOPES],
            "claim_types_supported": ["normal"],
            "claims_supported": [*STANDARD_CLAIMS, *about_the_token],
            "subject_types_supported": ["public", "pairwise"],
            # KEY-10: an algorithm is listed once a key for it signs.
            "id_token_signing_alg_values_supported": supported_algs(),
            "userinfo_signing_alg_values_supported": supported_algs(),
            "introspection_signing_alg_values_supported": supported_algs(),
            "authorization_signing_alg_values_supported": supported_algs(),
        }
        | _encryption()
        | _bound_tokens()
    )


def _encryption() -> dict[str, Any]:
    """Return how responses may be encrypted to a client (discovery §3, jarm §4)."""
    values = {"alg": list(KEY_ALGORITHMS), "enc": list(CONTENT_ALGORITHMS)}
    return {
        f"{name}_encryption_{part}_values_supported": names
        for name in ENCRYPTED_RESPONSES
        for part, names in values.items()
    }


def _bound_tokens() -> dict[str, Any]:
    offered: dict[str, Any] = {"dpop_signing_alg_values_supported": list(PROOF_ALGORITHMS)}
    if current.settings().client_certificate_header:
        offered["tls_client_certificate_bound_access_tokens"] = True
    return offered


def _logout() -> dict[str, Any]:
    offered = {"backchannel_logout_supported": True, "backchannel_logout_session_supported": True}
    if current.settings().frontchannel_logout:
        offered |= {"frontchannel_logout_supported": True, "frontchannel_logout_session_supported": True}
    return offered


ROUTES = (
    Route(
        rule="/.well-known/openid-configuration",
        name="discovery",
        view=discovery,
        speaks=Speaks.JSON,
        cors=CORS.PUBLIC,
        answers_head=True,
        shared_for=SHARED_FOR,
        operations={"GET": json_document("discovery", "OpenID Connect Discovery 1.0.")},
    ),
    Route(
        rule="/.well-known/oauth-authorization-server",
        name="oauth_metadata",
        view=discovery,
        speaks=Speaks.JSON,
        cors=CORS.PUBLIC,
        answers_head=True,
        shared_for=SHARED_FOR,
        operations={"GET": json_document("oauthMetadata", "RFC 8414.")},
    ),
)

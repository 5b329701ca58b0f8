"""Settings of Keycloak's clients, which it stores as attributes: those taken over, and the others."""

import json
from typing import Any

from provider.imports.files import member
from provider.imports.report import Report

BETWEEN = "##"
_FLAGS = {
    "dpop.bound.access.tokens": "dpop_bound_access_tokens",
    "tls.client.certificate.bound.access.tokens": "tls_client_certificate_bound_access_tokens",
    "require.pushed.authorization.requests": "require_pushed_authorization_requests",
}
_TEXTS = {
    "logoUri": "logo_uri",
    "policyUri": "policy_uri",
    "tosUri": "tos_uri",
    "id.token.signed.response.alg": "id_token_signed_response_alg",
    "id.token.encrypted.response.alg": "id_token_encrypted_response_alg",
    "id.token.encrypted.response.enc": "id_token_encrypted_response_enc",
    "user.info.response.signature.alg": "userinfo_signed_response_alg",
    "user.info.encrypted.response.alg": "userinfo_encrypted_response_alg",
    "user.info.encrypted.response.enc": "userinfo_encrypted_response_enc",
    "authorization.signed.response.alg": "authorization_signed_response_alg",
    "authorization.encrypted.response.alg": "authorization_encrypted_response_alg",
    "authorization.encrypted.response.enc": "authorization_encrypted_response_enc",
    "request.object.signature.alg": "request_object_signing_alg",
    "token.endpoint.auth.signing.alg": "token_endpoint_auth_signing_alg",
}
_REQUEST_OBJECT = "request.object.required"
_LOST_WORDS = {
    "access.token.lifespan": "the lifetime of its access tokens",
    "client.session.idle.timeout": "its idle timeout",
    "client.session.max.lifespan": "the lifetime of its sessions",
    "client.offline.session.idle.timeout": "the idle timeout of its offline sessions",
    "client.offline.session.max.lifespan": "the lifetime of its offline sessions",
    "oidc.ciba.grant.enabled": "CIBA",
    "standard.token.exchange.enabled": "token exchange; see --may-exchange-tokens-of",
    "jwt.credential.certificate": "the key of its uploaded certificate; register it with --jwks",
    "jwt.credential.public.key": "its uploaded public key; register it with --jwks",
}
# Read elsewhere, internal to Keycloak, or without effect here.
_KNOWN = frozenset(
    {
        _REQUEST_OBJECT,
        *_FLAGS,
        *_TEXTS,
        *("use.jwks.url", "jwks.url", "use.jwks.string", "jwks.string", "request.uris", "use.refresh.tokens"),
        *("backchannel.logout.url", "backchannel.logout.session.required"),
        *("backchannel.logout.revoke.offline.tokens", "post.logout.redirect.uris"),
        *("frontchannel.logout.url", "frontchannel.logout.session.required", "pkce.code.challenge.method"),
        *("oauth2.device.authorization.grant.enabled", "realm_client", "client.secret.creation.time"),
        *("x509.subjectdn", "x509.allow.regex.pattern.comparison", "display.on.consent.screen"),
        *("client_credentials.use_refresh_token", "access.token.header.type.rfc9068", "jwt.credential.kid"),
        *("exclude.session.state.from.auth.response", "token.response.type.bearer.lower-case"),
    }
)
_NOTHING = frozenset({"", "false", "{}", "[]", "any", "none", "not required"})
_SAML = ("saml.", "saml_")


def taken_settings(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata in a client's attributes."""
    found: dict[str, Any] = {ours: True for theirs, ours in _FLAGS.items() if is_on(attributes, theirs)}
    found |= {
        ours: attributes[theirs] for theirs, ours in _TEXTS.items() if not _is_nothing(attributes.get(theirs))
    }
    if not _is_nothing(attributes.get(_REQUEST_OBJECT)):
        found["require_signed_request_object"] = True
    if attributes.get("request.uris"):
        found["request_uris"] = str(attributes["request.uris"]).split(BETWEEN)
    return found


def report_settings(name: str, attributes: dict[str, Any], report: Report) -> None:
    """Report the settings that are not taken over, in plain words if their meaning is known."""
    for attribute, value in attributes.items():
        if attribute not in _KNOWN and not attribute.startswith(_SAML) and not _is_nothing(value):
            report.note_loss(name, _LOST_WORDS.get(attribute, f"the setting {str(attribute)[:100]}"))


def keys_of(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the address of a client's public keys, or the keys themselves."""
    if is_on(attributes, "use.jwks.url"):
        return {"jwks_uri": attributes.get("jwks.url")}
    if is_on(attributes, "use.jwks.string"):
        try:
            return {"jwks": json.loads(str(attributes.get("jwks.string")))}
        except (ValueError, RecursionError):
            return {}
    return {}


def is_on(attributes: Any, name: str) -> bool:
    """Return whether an attribute says `true`."""
    return str(member(attributes, name)).lower() == "true"


def _is_nothing(value: object) -> bool:
    return value is None or str(value).strip().lower() in _NOTHING

"""Clients of Keycloak: which of their switches mean something here."""

from typing import Any

from provider.imports.files import member
from provider.imports.foreign import ForeignClient
from provider.imports.report import Report
from provider.protocol.grant_types import DEVICE_CODE

_OWN = frozenset(
    {"account", "account-console", "admin-cli", "broker", "realm-management", "security-admin-console"}
)
_SCOPES = ("profile", "email", "address", "phone", "offline_access")
# Keycloak's own, which carry its roles and claims.
_ITS_SCOPES = frozenset(
    {"openid", "acr", "basic", "microprofile-jwt", "organization", "roles", "service_account", "web-origins"}
)
_MASKED = "**********"
_BETWEEN = "##"
_METHODS = {
    "client-secret": "client_secret_basic",
    "client-secret-jwt": "client_secret_basic",
    "client-jwt": "private_key_jwt",
}
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
}
_LOST_SWITCHES = {
    "implicitFlowEnabled": "the implicit flow",
    "directAccessGrantsEnabled": "direct access grants (the app would see passwords)",
    "authorizationServicesEnabled": "authorization services",
}
_LOST_ATTRIBUTES = {
    "oidc.ciba.grant.enabled": "CIBA",
    "standard.token.exchange.enabled": "token exchange; see --may-exchange-tokens-of",
}
_LOST_VALUES = {
    "access.token.lifespan": "the lifetime of its access tokens",
    "client.session.idle.timeout": "its idle timeout",
    "user.info.response.signature.alg": "the signature of its userinfo responses",
}


def read_client(written: dict[str, Any], report: Report) -> ForeignClient | None:
    """Return a client as it would be here, or None if it is none of ours."""
    client_id = written.get("clientId")
    if not isinstance(client_id, str) or client_id in _OWN or client_id.endswith("-realm"):
        return None
    name = f"client {client_id}"
    if why := _why_not(written):
        report.count("client", "not taken")
        report.note_loss(name, why)
        return None
    attributes = written.get("attributes") if isinstance(written.get("attributes"), dict) else {}
    _report_losses(name, written, attributes or {}, report)
    secret = written.get("secret")
    return ForeignClient(
        client_id=client_id,
        metadata=_metadata(name, written, attributes or {}, report),
        secret=secret if isinstance(secret, str) and secret != _MASKED else None,
        options={
            # Without consent in Keycloak, none is asked here.
            "first_party": not written.get("consentRequired"),
            "offline_policy": "revoke"
            if _is_on(attributes, "backchannel.logout.revoke.offline.tokens")
            else "keep",
        },
        enabled=written.get("enabled") is not False,
    )


def _why_not(written: dict[str, Any]) -> str | None:
    if written.get("protocol", "openid-connect") != "openid-connect":
        return f"the client: it speaks {str(written['protocol'])[:40]}"
    if written.get("bearerOnly"):
        return "the client: it is a resource server; see curfew resource add"
    if (
        not written.get("publicClient")
        and written.get("clientAuthenticatorType", "client-secret") not in _METHODS
    ):
        return "the client: its way to authenticate has to be registered by hand"
    return None


def _metadata(
    name: str, written: dict[str, Any], attributes: dict[str, Any], report: Report
) -> dict[str, Any]:
    redirect_uris = _absolute(written.get("redirectUris"), written.get("rootUrl"))
    found: dict[str, Any] = {
        "redirect_uris": redirect_uris if _has_code(written) else [],
        "post_logout_redirect_uris": _post_logout(attributes, redirect_uris, written.get("rootUrl")),
        "grant_types": _grant_types(written, attributes),
        "scope": _scope(name, written, report),
        "client_name": _plain_name(written.get("name")),
        "client_uri": written.get("baseUrl") if str(written.get("baseUrl")).startswith("http") else None,
        "backchannel_logout_uri": attributes.get("backchannel.logout.url") or None,
        "backchannel_logout_session_required": bool(attributes.get("backchannel.logout.url"))
        and _is_on(attributes, "backchannel.logout.session.required"),
        **_authentication(name, written, attributes, report),
    }
    if written.get("frontchannelLogout") and attributes.get("frontchannel.logout.url"):
        found["frontchannel_logout_uri"] = attributes["frontchannel.logout.url"]
        found["frontchannel_logout_session_required"] = _is_on(
            attributes, "frontchannel.logout.session.required"
        )
    found |= {ours: True for theirs, ours in _FLAGS.items() if _is_on(attributes, theirs)}
    found |= {ours: attributes[theirs] for theirs, ours in _TEXTS.items() if attributes.get(theirs)}
    return {key: value for key, value in found.items() if value is not None}


def _has_code(written: dict[str, Any]) -> bool:
    return written.get("standardFlowEnabled") is not False


def _grant_types(written: dict[str, Any], attributes: dict[str, Any]) -> list[str]:
    found = ["authorization_code"] if _has_code(written) else []
    is_device = _is_on(attributes, "oauth2.device.authorization.grant.enabled")
    found += [DEVICE_CODE] if is_device else []
    if found and attributes.get("use.refresh.tokens") != "false":
        found.append("refresh_token")
    if written.get("serviceAccountsEnabled") and not written.get("publicClient"):
        found.append("client_credentials")
    return found


def _authentication(
    name: str, written: dict[str, Any], attributes: dict[str, Any], report: Report
) -> dict[str, Any]:
    if written.get("publicClient"):
        return {"token_endpoint_auth_method": "none"}
    kind = written.get("clientAuthenticatorType", "client-secret")
    if kind == "client-secret-jwt":
        report.note_change(
            name, "sends its secret: an assertion signed with it cannot be verified by a digest"
        )
    found: dict[str, Any] = {"token_endpoint_auth_method": _METHODS[kind]}
    if kind == "client-jwt" and _is_on(attributes, "use.jwks.url"):
        found["jwks_uri"] = attributes.get("jwks.url")
    return found


def _scope(name: str, written: dict[str, Any], report: Report) -> str:
    listed = [*(written.get("defaultClientScopes") or ()), *(written.get("optionalClientScopes") or ())]
    for scope in sorted({str(one) for one in listed} - {*_SCOPES, *_ITS_SCOPES}):
        report.note_loss(name, f"the client scope {scope[:100]}")
    return " ".join(["openid", *(scope for scope in _SCOPES if not listed or scope in listed)])


def _post_logout(attributes: dict[str, Any], redirect_uris: list[str], root: Any) -> list[str]:
    """Return the addresses after sign-out; `+` stands for the redirect URIs, `-` for none."""
    written = str(attributes.get("post.logout.redirect.uris") or "").split(_BETWEEN)
    found = redirect_uris if "+" in written else []
    return list(
        dict.fromkeys([*found, *_absolute([one for one in written if one not in ("", "+", "-")], root)])
    )


def _absolute(uris: Any, root: Any) -> list[str]:
    """Return addresses; those that begin with a slash are below the client's root."""
    listed = [uri for uri in uris or () if isinstance(uri, str)]
    base = str(root or "").rstrip("/")
    return [base + uri if uri.startswith("/") and base else uri for uri in listed]


def _plain_name(name: Any) -> str | None:
    # `${client_account}` is a key of Keycloak's own translations.
    return name if isinstance(name, str) and name and not name.startswith("${") else None


def _report_losses(name: str, written: dict[str, Any], attributes: dict[str, Any], report: Report) -> None:
    for switch, words in _LOST_SWITCHES.items():
        if written.get(switch):
            report.note_loss(name, words)
    for attribute, words in _LOST_ATTRIBUTES.items():
        if _is_on(attributes, attribute):
            report.note_loss(name, words)
    for attribute, words in _LOST_VALUES.items():
        if attributes.get(attribute):
            report.note_loss(name, words)
    if written.get("protocolMappers"):
        report.note_loss(name, "its protocol mappers; see --id-token-claims")
    if any(origin != "+" for origin in written.get("webOrigins") or ()):
        report.note_change(name, "has the web origins of its redirect URIs")
    if not written.get("publicClient") and member(attributes, "pkce.code.challenge.method"):
        report.note_change(name, "may use PKCE; only public clients have to")


def _is_on(attributes: Any, name: str) -> bool:
    return str(member(attributes, name)).lower() == "true"

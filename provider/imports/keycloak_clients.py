"""Clients of Keycloak, with those of their switches that have a meaning here."""

import re
from typing import Any

from provider.imports.files import member
from provider.imports.foreign import ForeignClient
from provider.imports.keycloak_settings import BETWEEN, is_on, keys_of, report_settings, taken_settings
from provider.imports.report import Report
from provider.protocol.grant_types import DEVICE_CODE

_OWN = frozenset(
    {"account", "account-console", "admin-cli", "broker", "realm-management", "security-admin-console"}
)
_SCOPES = ("profile", "email", "address", "phone", "offline_access")
# Keycloak's own scopes, which carry its roles and claims.
_ITS_SCOPES = frozenset(
    {"openid", "acr", "basic", "microprofile-jwt", "organization", "roles", "service_account", "web-origins"}
)
_MASKED = "**********"
_LOOPBACK = re.compile(r"(http://(?:localhost|127\.0\.0\.1|\[::1\]))(?=[:/]|$)")
_ANY_PORT = re.compile(_LOOPBACK.pattern + r":\*(?=/|$)")
_METHODS = {
    "client-secret": "client_secret_basic",
    "client-secret-jwt": "client_secret_basic",
    "client-jwt": "private_key_jwt",
    "client-x509": "tls_client_auth",
}
_LOST_SWITCHES = {
    "implicitFlowEnabled": "the implicit flow",
    "directAccessGrantsEnabled": "direct access grants (the app would see passwords)",
    "authorizationServicesEnabled": "authorization services",
    "authenticationFlowBindingOverrides": "its own authentication flows",
    "description": "its description",
}


def read_client(written: dict[str, Any], report: Report) -> ForeignClient | None:
    """Return a client in the terms of this provider, or None for one of Keycloak's own."""
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
            # A client without consent in Keycloak needs none here.
            "first_party": not written.get("consentRequired"),
            "offline_policy": "revoke"
            if is_on(attributes, "backchannel.logout.revoke.offline.tokens")
            else "keep",
        },
        enabled=written.get("enabled") is not False,
    )


def _why_not(written: dict[str, Any]) -> str | None:
    if written.get("protocol", "openid-connect") != "openid-connect":
        return f"the client: it speaks {str(written['protocol'])[:40]}"
    if written.get("bearerOnly"):
        return "the client: it is a resource server; see curfew resource add"
    kind = written.get("clientAuthenticatorType", "client-secret")
    if written.get("publicClient"):
        return None
    if kind not in _METHODS:
        return "the client: its way to authenticate has to be registered by hand"
    if kind == "client-x509" and is_on(written.get("attributes"), "x509.allow.regex.pattern.comparison"):
        return "the client: its certificate is found by a pattern; register it with its exact subject"
    return None


def _metadata(
    name: str, written: dict[str, Any], attributes: dict[str, Any], report: Report
) -> dict[str, Any]:
    redirect_uris = _absolute(written.get("redirectUris"), written.get("rootUrl"))
    is_native = bool(written.get("publicClient")) and _are_of_a_device(redirect_uris)
    if is_native:
        # rfc8252 §7.3: the port of a loopback address is free for native apps, as Keycloak's `:*` makes it.
        redirect_uris = list(dict.fromkeys(_ANY_PORT.sub(r"\1", uri) for uri in redirect_uris))
    found: dict[str, Any] = {
        "application_type": "native" if is_native else "web",
        "redirect_uris": redirect_uris if _has_code(written) else [],
        "post_logout_redirect_uris": _post_logout(attributes, redirect_uris, written.get("rootUrl")),
        "grant_types": _grant_types(written, attributes),
        "scope": _scope(name, written, report),
        "client_name": _plain_name(written.get("name")),
        "client_uri": written.get("baseUrl") if str(written.get("baseUrl")).startswith("http") else None,
        "backchannel_logout_uri": attributes.get("backchannel.logout.url") or None,
        "backchannel_logout_session_required": bool(attributes.get("backchannel.logout.url"))
        and is_on(attributes, "backchannel.logout.session.required"),
        **_authentication(name, written, attributes, report),
    }
    if written.get("frontchannelLogout") and attributes.get("frontchannel.logout.url"):
        found["frontchannel_logout_uri"] = attributes["frontchannel.logout.url"]
        found["frontchannel_logout_session_required"] = is_on(
            attributes, "frontchannel.logout.session.required"
        )
    found |= taken_settings(attributes) | keys_of(attributes)
    return {key: value for key, value in found.items() if value is not None}


def _are_of_a_device(uris: list[str]) -> bool:
    """Return whether one URI has a custom scheme, or all are on loopback, which web apps may use in tests."""
    schemes = {uri.partition(":")[0] for uri in uris if ":" in uri}
    return bool(schemes - {"http", "https"}) or (
        bool(uris) and all(_LOOPBACK.match(uri) is not None for uri in uris)
    )


def _origin(uri: str) -> str:
    """Return the origin of an address, including any wildcards that Keycloak allows in it."""
    return "/".join(uri.split("/")[:3])


def _has_code(written: dict[str, Any]) -> bool:
    return written.get("standardFlowEnabled") is not False


def _grant_types(written: dict[str, Any], attributes: dict[str, Any]) -> list[str]:
    found = ["authorization_code"] if _has_code(written) else []
    is_device = is_on(attributes, "oauth2.device.authorization.grant.enabled")
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
    if kind == "client-x509":
        found["tls_client_auth_subject_dn"] = attributes.get("x509.subjectdn")
    return found


def _scope(name: str, written: dict[str, Any], report: Report) -> str:
    listed = [*(written.get("defaultClientScopes") or ()), *(written.get("optionalClientScopes") or ())]
    for scope in sorted({str(one) for one in listed} - {*_SCOPES, *_ITS_SCOPES}):
        report.note_loss(name, f"the client scope {scope[:100]}")
    return " ".join(["openid", *(scope for scope in _SCOPES if not listed or scope in listed)])


def _post_logout(attributes: dict[str, Any], redirect_uris: list[str], root: Any) -> list[str]:
    """Return the post-logout addresses; `+` stands for the redirect URIs, `-` for none."""
    written = str(attributes.get("post.logout.redirect.uris") or "").split(BETWEEN)
    # Wildcards are reported with the redirect URIs.
    found = [uri for uri in redirect_uris if "*" not in uri] if "+" in written else []
    return list(
        dict.fromkeys([*found, *_absolute([one for one in written if one not in ("", "+", "-")], root)])
    )


def _absolute(uris: Any, root: Any) -> list[str]:
    """Return absolute addresses; those that begin with a slash are below the client's root."""
    listed = [uri for uri in uris or () if isinstance(uri, str)]
    base = str(root or "").rstrip("/")
    return [base + uri if uri.startswith("/") and base else uri for uri in listed]


def _plain_name(name: Any) -> str | None:
    # A name such as `${client_account}` is a key of Keycloak's own translations.
    return name if isinstance(name, str) and name and not name.startswith("${") else None


def _report_losses(name: str, written: dict[str, Any], attributes: dict[str, Any], report: Report) -> None:
    for switch, words in _LOST_SWITCHES.items():
        if written.get(switch):
            report.note_loss(name, words)
    report_settings(name, attributes, report)
    mappers = [one for one in written.get("protocolMappers") or () if isinstance(one, dict)]
    if mappers:
        report.note_loss(name, "its protocol mappers; see --id-token-claims")
    if any("pairwise" in str(one.get("protocolMapper")) for one in mappers):
        report.note_loss(name, "its pairwise subjects: it will know everybody by another sub")
    redirect_uris = _absolute(written.get("redirectUris"), written.get("rootUrl"))
    if {str(one) for one in written.get("webOrigins") or ()} - {"+", *map(_origin, redirect_uris)}:
        report.note_change(name, "has the web origins of its redirect URIs alone")
    report.note_change(name, "gets opaque access tokens; for an API that reads JWTs, see curfew resource add")
    if not written.get("publicClient") and member(attributes, "pkce.code.challenge.method"):
        report.note_change(name, "may use PKCE; only public clients have to")

"""One file per protocol endpoint, named as in the discovery document; this is the table of all URLs."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint

from provider.endpoints import (
    authorize,
    check_session_iframe,
    device_authorization,
    discovery,
    end_session,
    end_session_confirm,
    frontchannel_logout,
    global_token_revocation,
    health,
    introspect,
    jwks,
    metrics,
    pushed_authorization_request,
    register,
    revoke,
    signed_out,
    token,
    userinfo,
)

blueprint = Blueprint("endpoints", __name__)

View = Callable[..., Any]
# Address, name, methods, what answers.
URLS: tuple[tuple[str, str, str, View], ...] = (
    ("/.well-known/openid-configuration", "discovery", "GET", discovery.discovery),
    ("/.well-known/oauth-authorization-server", "oauth_metadata", "GET", discovery.discovery),
    ("/jwks", "jwks", "GET", jwks.jwks),
    ("/authorize", "authorize", "GET POST", authorize.authorize),
    ("/authorize/resume/<handle:handle>", "resume_authorize", "GET", authorize.resume),
    (
        "/par",
        "pushed_authorization_request",
        "POST",
        pushed_authorization_request.pushed_authorization_request,
    ),
    ("/token", "token", "POST", token.token),
    ("/device-authorization", "device_authorization", "POST", device_authorization.device_authorization),
    ("/userinfo", "userinfo", "GET POST", userinfo.userinfo),
    ("/introspect", "introspect", "POST", introspect.introspect),
    ("/revoke", "revoke", "POST", revoke.revoke),
    ("/register", "register", "POST", register.register),
    ("/register/<path:client_id>", "read_registration", "GET", register.read_registration),
    ("/register/<path:client_id>", "replace_registration", "PUT", register.replace_registration),
    ("/register/<path:client_id>", "delete_registration", "DELETE", register.delete_registration),
    (
        "/global-token-revocation",
        "global_token_revocation",
        "POST",
        global_token_revocation.global_token_revocation,
    ),
    ("/session/end", "end_session", "GET POST", end_session.end_session),
    ("/session/end/resume/<handle:handle>", "resume_end_session", "GET", end_session.resume_end_session),
    (
        "/session/end/confirm",
        "show_end_session_confirm",
        "GET",
        end_session_confirm.show_end_session_confirm,
    ),
    (
        "/session/end/confirm",
        "submit_end_session_confirm",
        "POST",
        end_session_confirm.submit_end_session_confirm,
    ),
    ("/session/ended/<handle:handle>", "show_session_ended", "GET", signed_out.show_session_ended),
    (
        "/session/ended/<handle:handle>/state",
        "show_session_ended_state",
        "GET",
        signed_out.show_session_ended_state,
    ),
    (
        "/session/ended/<handle:handle>/frontchannel/<handle:ticket>",
        "frontchannel_logout",
        "GET",
        frontchannel_logout.frontchannel_logout,
    ),
    ("/session/check", "check_session_iframe", "GET", check_session_iframe.check_session_iframe),
    ("/health/live", "live", "GET", health.live),
    ("/health/ready", "ready", "GET", health.ready),
    ("/health/started", "started", "GET", health.started),
    ("/metrics", "metrics", "GET", metrics.metrics),
)

for _rule, _name, _methods, _view in URLS:
    blueprint.add_url_rule(_rule, _name, _view, methods=_methods.split())

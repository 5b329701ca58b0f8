"""One file per protocol endpoint, named as in the discovery document; each declares its route itself."""

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
from provider.web.route import RouteGroup

GROUP = RouteGroup(
    name="endpoints",
    routes=(
        *discovery.ROUTES,
        jwks.ROUTE,
        *authorize.ROUTES,
        pushed_authorization_request.ROUTE,
        token.ROUTE,
        device_authorization.ROUTE,
        userinfo.ROUTE,
        introspect.ROUTE,
        revoke.ROUTE,
        *register.ROUTES,
        global_token_revocation.ROUTE,
        *end_session.ROUTES,
        *end_session_confirm.ROUTES,
        *signed_out.ROUTES,
        frontchannel_logout.ROUTE,
        check_session_iframe.ROUTE,
        *health.ROUTES,
        metrics.ROUTE,
    ),
    json_below=("/.well-known/", "/health/"),
)

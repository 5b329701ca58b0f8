"""Pages for people: signing in, consent, their account, the front page.

A page answers a parked request and sends the person back to the endpoint that parked it, or carries out what
a button says. It never decides what an app gets; that is for `endpoints`.
"""

from provider.pages import (
    account,
    account_links,
    account_sign_out,
    consent,
    device,
    front,
    logo,
    nothing_waits,
    open_app,
    other_browsers,
    password,
    robots,
    sign_in,
    sign_outs,
)
from provider.web.route import RouteGroup

GROUP = RouteGroup(
    name="pages",
    routes=(
        front.ROUTE,
        *robots.ROUTES,
        nothing_waits.ROUTE,
        *sign_in.ROUTES,
        *consent.ROUTES,
        *account.ROUTES,
        *account_sign_out.ROUTES,
        *account_links.ROUTES,
        *other_browsers.ROUTES,
        *sign_outs.ROUTES,
        *password.ROUTES,
        open_app.ROUTE,
        logo.ROUTE,
        *device.ROUTES,
    ),
)

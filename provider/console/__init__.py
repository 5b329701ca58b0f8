"""The console: pages on which administrators watch sessions, logouts and deliveries, and act on them.

It is a client of the provider like any other: people sign in to it through the authorization endpoint, and
its session depends on theirs. It reads through `inspection` and the queries of the rooms, and acts through
`administration`, as the command does; it does not decide what a logout ends or who is notified. Its pages are
only in English, like the command (DEC-21).
"""

from provider.console import (
    audit,
    client_changes,
    client_forms,
    clients,
    deliveries,
    incident,
    keys,
    layout,
    logouts,
    overview,
    people,
    person_changes,
    person_sign_out,
    resending,
    sessions,
    settings,
    sign_in,
    slo,
    why,
)
from provider.web.route import RouteGroup

GROUP = RouteGroup(
    name="console",
    routes=(
        *overview.ROUTES,
        *sign_in.ROUTES,
        layout.ROUTE,
        *logouts.ROUTES,
        *why.ROUTES,
        *resending.ROUTES,
        *deliveries.ROUTES,
        *slo.ROUTES,
        *sessions.ROUTES,
        *people.ROUTES,
        *person_sign_out.ROUTES,
        *person_changes.ROUTES,
        *clients.ROUTES,
        *client_forms.ROUTES,
        *client_changes.ROUTES,
        *incident.ROUTES,
        *keys.ROUTES,
        *audit.ROUTES,
        *settings.ROUTES,
    ),
    templates=layout.TEMPLATES,
)

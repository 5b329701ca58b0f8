"""The admin API, for programs: everything that the command does, with an OpenAPI description.

An operation declares its address, its permission and its types; `operation` checks the caller and the input
before the view runs. Views call the acts of `provider.administration` and the queries of the rooms; this room
makes no decisions of its own. Obeys rfc9457 (problems), rfc9110 (versions), rfc7396 (merge patches).
"""

from provider.admin_api import (
    audit,
    bulk_logouts,
    client_examinations,
    clients,
    deliveries,
    endpoints,
    explanations,
    feed,
    grants,
    keys,
    logouts,
    overview,
    people,
    recipes,
    registrations,
    service_tokens,
    sessions,
    settings,
    slo,
)
from provider.admin_api.openapi import description_route
from provider.admin_api.viewer import TEMPLATES, viewer_route
from provider.web.route import RouteGroup

OPERATIONS = (
    *overview.OPERATIONS,
    *clients.OPERATIONS,
    *client_examinations.OPERATIONS,
    *recipes.OPERATIONS,
    *people.OPERATIONS,
    *sessions.OPERATIONS,
    *grants.OPERATIONS,
    *service_tokens.OPERATIONS,
    *deliveries.OPERATIONS,
    *endpoints.OPERATIONS,
    *explanations.OPERATIONS,
    *logouts.OPERATIONS,
    *feed.OPERATIONS,
    *bulk_logouts.OPERATIONS,
    *slo.OPERATIONS,
    *keys.OPERATIONS,
    *audit.OPERATIONS,
    *settings.OPERATIONS,
    *registrations.OPERATIONS,
)
GROUP = RouteGroup(
    name="admin_api",
    routes=(
        *(one.route() for one in OPERATIONS),
        description_route(OPERATIONS),
        viewer_route(OPERATIONS),
    ),
    templates=TEMPLATES,
    problems_below=("/api/admin/",),
)

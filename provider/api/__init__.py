"""For programs: the account API, with its description in OpenAPI.

An app calls it on behalf of its user, with that person's own token. `provider.logout` does the work; the
pages for people call the same functions.
"""

from provider.api import everywhere, grants, openapi, sessions
from provider.web.route import RouteGroup

GROUP = RouteGroup(
    name="api",
    routes=(*everywhere.ROUTES, *sessions.ROUTES, *grants.ROUTES, openapi.ROUTE),
    json_below=("/api/",),
)

"""For programs: the account API, with its description in OpenAPI.

An app calls it for the person who uses it, with that person's own token. The verbs are in
`provider.logout`; pages for people use the same functions.
"""

from provider.api import everywhere, grants, openapi, sessions
from provider.web.route import RouteGroup

GROUP = RouteGroup(
    name="api",
    routes=(*everywhere.ROUTES, *sessions.ROUTES, *grants.ROUTES, openapi.ROUTE),
    json_below=("/api/",),
)

"""Routes of the account API, which all speak JSON and share CORS rules and error codes."""

from provider.web.openapi import Described
from provider.web.route import CORS, Route, Speaks, View

# Apps tell three cases apart by the code: no session, an ended session, any other error (requirement 9).
_CODES = {"missing_token": 9001, "invalid_token": 9002}
_OTHER = 9000


def account_route(rule: str, name: str, view: View, method: str, operation: Described) -> Route:
    """Return a route of the account API."""
    return Route(
        rule=rule,
        name=name,
        view=view,
        methods=(method,),
        speaks=Speaks.JSON,
        cors=CORS.ACCOUNT,
        error_code=lambda error: _CODES.get(error, _OTHER),
        operations={method: operation},
    )

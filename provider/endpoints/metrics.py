"""Metrics for Prometheus: not public, and absent unless the operator has set a token for them (SEC-1305)."""

import hmac

from flask import Response, request

from provider.infrastructure import current
from provider.infrastructure import metrics as declared
from provider.inspection import standing
from provider.protocol.errors import InvalidToken, MissingToken
from provider.web.bearer import bearer_token
from provider.web.route import Route, Speaks


def metrics() -> Response:
    """Answer with the metrics, to callers with the bearer token."""
    expected = current.settings().metrics_bearer_token
    presented = bearer_token(request)
    if presented is None:
        raise MissingToken("a bearer token is required")
    if not hmac.compare_digest(presented.encode(), expected.encode()):
        raise InvalidToken("the bearer token is invalid")
    return Response(declared.expose(standing.measure()), content_type=declared.CONTENT_TYPE)


ROUTE = Route(
    rule="/metrics",
    name="metrics",
    view=metrics,
    speaks=Speaks.JSON,
    is_offered=lambda settings: bool(settings.metrics_bearer_token),
)

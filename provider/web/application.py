"""Flask, without what it finds out anew for each request and is always the same here."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Request
from werkzeug.routing import MapAdapter

from provider.web.json_responses import JSON
from provider.web.response import Response
from provider.web.strict_request import StrictRequest


class Application(Flask):
    """The application of a process that answers requests."""

    request_class = StrictRequest
    response_class = Response
    json_provider_class = JSON

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a view or a hook as it is: none of ours is a coroutine, and looking at each takes time."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return what finds the route of a request, whose host is the issuer's; None without a request."""
        if request is None:
            return None
        environ = request.environ
        return MapAdapter(
            self.url_map,
            server_name=environ["HTTP_HOST"],
            script_name=environ["SCRIPT_NAME"],
            subdomain="",
            url_scheme=environ["wsgi.url_scheme"],
            path_info=request.path,
            default_method=environ["REQUEST_METHOD"],
            query_args=environ["QUERY_STRING"],
        )

"""Flask, without the per-request work whose result is always the same here."""

import re
import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import flask
from flask import Flask, Request
from flask.sessions import NullSession, SessionInterface
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter, Rule

from provider.web.json_responses import JSON
from provider.web.notes import this_request
from provider.web.path_parameters import HandleConverter
from provider.web.response import Response
from provider.web.strict_request import StrictRequest


class Application(Flask):
    """The application of a process that answers requests.

    Only hooks of the whole application are run, none of a blueprint.
    """

    request_class = StrictRequest
    response_class = Response
    json_provider_class = JSON

    @cached_property
    def fixed_rules(self) -> dict[tuple[str, str], Rule]:
        """The rules without variable parts, by path and method; all are known before the first request."""
        found: dict[tuple[str, str], Rule] = {}
        for rule in self.url_map.iter_rules():
            if not (rule.arguments or rule.build_only or rule.websocket or rule.redirect_to):
                for method in rule.methods or ():
                    found.setdefault((rule.rule, method), rule)
        return found

    @cached_property
    def handle_rules(self) -> dict[tuple[str, str], tuple[Rule, str]]:
        """The rules that end with a handle and have no other variable part, by what precedes it and method.

        Each comes with the name of its argument.
        """
        found: dict[tuple[str, str], tuple[Rule, str]] = {}
        for rule in self.url_map.iter_rules():
            if parts := _ENDS_WITH_HANDLE.fullmatch(rule.rule):
                for method in rule.methods or ():
                    found.setdefault((parts[1], method), (rule, parts[2]))
        return found

    def preprocess_request(self) -> ResponseReturnValue | None:
        """Run the hooks before the view, until one of them returns a response."""
        for before in self.before_request_funcs.get(None, ()):
            response: Any = before()
            if response is not None:
                return response  # type: ignore[no-any-return]
        return None

    def dispatch_request(self) -> ResponseReturnValue:
        """Run the view; routes define on their own how they answer OPTIONS."""
        request = this_request()
        if request.routing_exception is not None:
            self.raise_routing_exception(request)
        rule: Any = request.url_rule
        view: Any = self.view_functions[rule.endpoint]
        return view(**(request.view_args or {}))  # type: ignore[no-any-return]

    def process_response(self, response: Any) -> Any:
        """Run the hooks after the view."""
        for after in reversed(self.after_request_funcs.get(None, ())):
            response = after(response)
        return response

    def finalize_request(
        self, rv: ResponseReturnValue | HTTPException, from_error_handler: bool = False
    ) -> flask.Response:
        """Turn a view's result into a response, which it nearly always is already; sends no signal."""
        if from_error_handler or type(rv) is not Response:
            return super().finalize_request(rv, from_error_handler)
        return self.process_response(rv)  # type: ignore[no-any-return]

    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        """Run the hooks at the end of a request."""
        for teardown in reversed(self.teardown_request_funcs.get(None, ())):
            teardown(exc or sys.exc_info()[1])

    def do_teardown_appcontext(self, exc: BaseException | None = None) -> None:
        """Run the hooks at the end of an application context; sends no signal."""
        for teardown in reversed(self.teardown_appcontext_funcs):
            teardown(exc)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a view or a hook unchanged: none of ours is a coroutine, and checking each takes time."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return the adapter that finds a request's route, with the issuer's host; None without a request."""
        if request is None:
            return None
        environ = request.environ
        return _Addresses(
            self.fixed_rules,
            self.handle_rules,
            self.url_map,
            server_name=environ["HTTP_HOST"],
            script_name=environ["SCRIPT_NAME"],
            subdomain="",
            url_scheme=environ["wsgi.url_scheme"],
            path_info=request.path,
            default_method=environ["REQUEST_METHOD"],
            query_args=environ["QUERY_STRING"],
        )


class _Addresses(MapAdapter):
    """Finds the route of a request by a table lookup, unless it has unusual variable parts."""

    def __init__(
        self,
        fixed: Mapping[tuple[str, str], Rule],
        with_handle: Mapping[tuple[str, str], tuple[Rule, str]],
        *args: Any,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self._fixed = fixed
        self._with_handle = with_handle

    def match(
        self, path_info: str | None = None, method: str | None = None, *args: Any, **options: Any
    ) -> Any:
        """Return the rule and the values of its variable parts. Raises the same errors as Werkzeug."""
        if path_info is None and method is None and options == _BY_RULE:
            asked = self.default_method
            rule = self._fixed.get((self.path_info, asked))
            if rule is not None:
                return rule, {}
            before, _, handle = self.path_info.rpartition("/")
            found = self._with_handle.get((before, asked))
            if found is not None and _HANDLE.fullmatch(handle):
                return found[0], {found[1]: handle}
        return super().match(path_info, method, *args, **options)


# The options with which Flask calls `match`.
_BY_RULE = {"return_rule": True}
_HANDLE = re.compile(HandleConverter.regex)
_ENDS_WITH_HANDLE = re.compile(r"([^<>]*)/<handle:(\w+)>")


class _NoSession(SessionInterface):
    """Replaces Flask's own session, which no page uses."""

    def open_session(self, _app: Flask, _request: Request) -> NullSession:
        """Return an empty session."""
        return _NULL

    def save_session(self, *_args: Any) -> None:
        """Store nothing."""


_NULL = NullSession()
Application.session_interface = _NoSession()

"""The page of `curfew dev`: who is signed in where, with a button for the most frequent acts of the API."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from flask import Response, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from provider.accounts import queries as accounts
from provider.administration.accounts import sign_out_everywhere
from provider.clients import queries as known_clients
from provider.delivery import queries as known_deliveries
from provider.dev import passing_time
from provider.dev.api import clients, clock, deliveries, index, people, sessions
from provider.dev.api.body import refusals_as_errors
from provider.dev.bad_tokens import BAD_TOKENS
from provider.dev.faults import FaultKind
from provider.infrastructure.database import transaction
from provider.logout.end_client_session import end_client_session
from provider.logout.end_session import end as end_session
from provider.protocol.errors import InvalidRequest
from provider.sessions import queries as known_sessions
from provider.web import csrf
from provider.web.layout import page
from provider.web.redirects import redirect_to
from provider.web.route import Route

T = TypeVar("T")
TEMPLATE = "dev.html"
_PURPOSE = "dev"
_MOST = 50


def show() -> Response:
    """Show people, sessions, apps and deliveries."""
    found = [sessions.shown(*one) for one in sessions.find()]
    faults = deliveries.the_faults()
    return page(
        TEMPLATE,
        about=index.describe(),
        people=accounts.list_accounts(limit=_MOST),
        sessions=[one for one in found if one["is_live"]][:_MOST],
        clients=[clients.shown(one) for one in known_clients.list_clients(limit=_MOST)],
        deliveries=deliveries.shown(known_deliveries.list_deliveries(limit=_MOST)),
        faults=faults.list_waiting(),
        played=faults.list_played()[:_MOST],
        kinds=list(FaultKind),
        tokens=BAD_TOKENS,
        csrf=csrf.token_for(_PURPOSE),
    )


def submit() -> AnyResponse:
    """Do what the button is for, and show the page again."""
    csrf.check(_PURPOSE)
    pressed = request.form
    act = next((act for name, act in _ACTS.items() if name in pressed), None)
    if act is None:
        raise InvalidRequest("the form has no button that is known here")
    with refusals_as_errors():
        act(pressed)
    return redirect_to("dev.page")


def _end_session(pressed: Mapping[str, str]) -> None:
    session = sessions.session_named(pressed["session"])
    with transaction():
        end_session(session, sessions.CAUSE)


def _end_app(pressed: Mapping[str, str]) -> None:
    named = known_sessions.find_by_sid(pressed["app"])
    if named is None:
        raise NotFound
    with transaction():
        end_client_session(named[0], sessions.CAUSE)


def _end_person(pressed: Mapping[str, str]) -> None:
    account = people.get(pressed["everywhere"])
    with transaction():
        sign_out_everywhere(account)


def _change_client(pressed: Mapping[str, str]) -> None:
    uri = pressed.get("backchannel_logout_uri", "").strip() or None
    clients.update(pressed["client"], {"backchannel_logout_uri": uri})


def _add_fault(pressed: Mapping[str, str]) -> None:
    fault = deliveries.read_fault(
        {
            "fault": pressed["fault"],
            "client_id": pressed.get("client_id"),
            "times": _number(pressed, "times", int),
            "seconds": _number(pressed, "seconds", float),
            "token": pressed.get("token"),
        }
    )
    deliveries.the_faults().add(fault)


def _number(pressed: Mapping[str, str], name: str, kind: Callable[[str], T]) -> T | None:
    text = pressed.get(name, "").strip()
    try:
        return kind(text) if text else None
    except ValueError as exc:
        raise InvalidRequest(f"{name} must be a number") from exc


def _clear_faults(_pressed: Mapping[str, str]) -> None:
    deliveries.the_faults().clear()
    deliveries.retry_now()


def _retry(_pressed: Mapping[str, str]) -> None:
    deliveries.retry_now()


def _forward(pressed: Mapping[str, str]) -> None:
    passing_time.let_pass(clock.read_span(pressed.get("forward_by", "").strip()))


_ACTS: dict[str, Callable[[Mapping[str, str]], None]] = {
    "session": _end_session,
    "app": _end_app,
    "everywhere": _end_person,
    "client": _change_client,
    "fault": _add_fault,
    "clear": _clear_faults,
    "retry": _retry,
    "forward": _forward,
}
ROUTES = (
    Route(rule="/dev", name="page", view=show),
    Route(rule="/dev", name="submit", view=submit, methods=("POST",)),
)

"""What the endpoints for clients have in common: a form comes in, JSON goes out (rfc6749 §3.2, §5)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import Request, Response, jsonify
from sqlalchemy.exc import OperationalError

from provider.infrastructure import current, event_log
from provider.infrastructure.database import end_read, transaction
from provider.oauth.client_keys import fetch_if_needed
from provider.oauth.exchange import Answer, ClientRequest, Granted, Refused
from provider.protocol.errors import InvalidRequest
from provider.web.addresses import client_address
from provider.web.parameters import read_parameters

# PostgreSQL gives up one of two transactions that wait for each other (40P01); nothing of it has happened.
_DEADLOCK = "40P01"
_TRIES = 3


def read_client_request(request: Request) -> ClientRequest:
    """Read a client's request; rfc6749 §2.3.1: its secrets 'MUST NOT be included in the request URI'."""
    if request.args:
        raise InvalidRequest("parameters belong into the body")
    parameters = read_parameters(request)
    # Before any transaction: a client may publish its keys on a machine that is slow to answer.
    fetch_if_needed(parameters)
    return ClientRequest(
        url=current.settings().issuer + request.path,
        parameters=parameters,
        authorization=request.headers.get("Authorization", ""),
        ip=client_address(),
    )


def answer(act: Callable[[], Answer], *, writes: bool) -> Response:
    """Do what a request asks for in one unit of work, and say how it went once that is certain."""
    for tries_left in reversed(range(_TRIES)):
        try:
            with _unit_of_work(writes=writes):
                outcome = act()
            break
        except OperationalError as exc:
            if not tries_left or getattr(exc.orig, "sqlstate", None) != _DEADLOCK:
                raise
            event_log.warning("deadlock_retried")
    match outcome:
        case Refused(error=error):
            raise error
        case Granted(body=body):
            return never_stored(jsonify(body))


def never_stored(response: Response) -> Response:
    """rfc6749 §5.1: an answer with tokens is kept by no cache, old or new."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    return response


@contextmanager
def _unit_of_work(*, writes: bool) -> Iterator[None]:
    if writes:
        with transaction():
            yield
        return
    try:
        yield
    finally:
        end_read()

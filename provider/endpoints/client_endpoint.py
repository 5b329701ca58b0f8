"""Common parts of the endpoints for clients: form requests, JSON responses (rfc6749 §3.2, §5)."""

from collections.abc import Callable

from flask import Response, jsonify

from provider.clients import secret_use
from provider.delivery import evidence
from provider.infrastructure.database import in_transaction, reading
from provider.oauth.client_proof.client_request import Answer, Granted, Refused


def answer(act: Callable[[], Answer], *, writes: bool, signed_as: str = "") -> Response:
    """Do what a request asks for in one unit of work, and say how it went once that is certain.

    `signed_as` is the media type of an answer that is a JWT.
    """
    outcome = in_transaction(act) if writes else _read(act)
    secret_use.write_down()
    evidence.act_on_notes()
    match outcome:
        case Refused(error=error):
            raise error
        case Granted(signed=str(signed)):
            return never_stored(Response(signed, content_type=signed_as))
        case Granted(body=body):
            return never_stored(jsonify(body))


def never_stored(response: Response) -> Response:
    """rfc6749 §5.1: an answer with tokens is kept by no cache, old or new."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    return response


def _read(act: Callable[[], Answer]) -> Answer:
    with reading():
        return act()

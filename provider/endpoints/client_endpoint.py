"""Common parts of the endpoints for clients: form requests, JSON responses (rfc6749 §3.2, §5)."""

from collections.abc import Callable

from flask import Response

from provider.clients import secret_use
from provider.delivery import evidence
from provider.infrastructure.database import in_transaction, reading
from provider.oauth.client_proof.client_request import Granted, Outcome, Refused
from provider.web import headers
from provider.web.json_responses import json_response


def respond(act: Callable[[], Outcome], *, writes: bool, signed_as: str = "") -> Response:
    """Carry out a request in one transaction, and answer once it is committed.

    `signed_as` is the media type of a response that is a JWT.
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
            return never_stored(json_response(body))


def never_stored(response: Response) -> Response:
    """Forbid caches from storing a response with tokens (rfc6749 §5.1)."""
    headers.never_store()
    return response


def _read(act: Callable[[], Outcome]) -> Outcome:
    with reading():
        return act()

"""Reads the parameters of a protocol request."""

from collections.abc import Collection

from flask import Request

from provider.config import Settings
from provider.infrastructure import current
from provider.protocol import parameters
from provider.protocol.errors import InvalidRequest
from provider.protocol.parameters import OversizedParameter, Parameters, Usable
from provider.web.strict_request import FORM, form_pairs, is_of, query_pairs


def read_clear_ones(request: Request, names: Collection[str]) -> dict[str, str]:
    """Return the unambiguous ones of the named parameters, from a request that was refused."""
    settings = current.settings()
    if len(request.query_string) > settings.max_body_bytes:
        return {}
    pairs = (*query_pairs(request), *form_pairs(request))
    return parameters.clear_ones(pairs, names, settings.max_parameter_bytes)


def read_usable_ones(request: Request, names: Collection[str], *, same_twice: Collection[str] = ()) -> Usable:
    """Return the usable ones of the named parameters; a body in another form is ignored.

    Raises OversizedParameter only for the size of the whole query.
    """
    settings = current.settings()
    _check_query(request, settings)
    is_readable = not request.content_length or (request.mimetype == FORM and not _coding_of(request))
    form = form_pairs(request) if is_readable else ()
    return parameters.usable_ones(
        (*query_pairs(request), *form),
        names,
        settings.max_parameter_bytes,
        same_twice=same_twice,
        is_readable=is_readable,
    )


def read_parameters(request: Request) -> Parameters:
    """Return the parameters of a request; anything repeated, oversized or in another form is refused."""
    settings = current.settings()
    _check_query(request, settings)
    # rfc6749 appendix B: parameters in a body are form-urlencoded, whatever else a library could read.
    check_body(request, FORM)
    return parameters.read_parameters(query_pairs(request), form_pairs(request), settings.max_parameter_bytes)


def check_body(request: Request, mimetype: str) -> None:
    """Raise InvalidRequest for a body of another media type than the endpoint reads."""
    if not request.content_length:
        return
    if coding := _coding_of(request):
        raise InvalidRequest(f"the body is encoded as {coding}; send it without a Content-Encoding")
    if not is_of(request, mimetype):
        sent = f", but was sent as {request.mimetype[:100]}" if request.mimetype else ""
        raise InvalidRequest(f"the body must be {mimetype}{sent}")


def _coding_of(request: Request) -> str:
    """Return the body's content coding, or an empty text; `identity` is none (rfc9110 §8.4)."""
    named: str = request.environ.get("HTTP_CONTENT_ENCODING", "")
    if not named:
        return named
    coding = named.strip().lower()
    return "" if coding == "identity" else coding[:40]


def _check_query(request: Request, settings: Settings) -> None:
    limit = settings.max_body_bytes
    if len(request.query_string) > limit:
        raise OversizedParameter(f"the query is longer than {limit} bytes")

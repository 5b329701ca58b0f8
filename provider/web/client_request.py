"""Reads a client's request: a form with the client's authentication (rfc6749 §2.3.1, §3.2)."""

from flask import Request

from provider.infrastructure import current
from provider.oauth.client_proof.client_request import ClientRequest
from provider.oauth.client_proof.keys import fetch_if_needed
from provider.protocol.errors import InvalidRequest
from provider.web.addresses import client_address
from provider.web.client_certificate import client_certificate
from provider.web.cors import allow_pages_of_sender
from provider.web.parameters import read_parameters
from provider.web.routes import table


def read_client_request(request: Request, *, wants_signed: bool = False) -> ClientRequest:
    """Read a client's request; rfc6749 §2.3.1: its secrets 'MUST NOT be included in the request URI'."""
    if request.query_string and request.args:
        raise InvalidRequest("parameters must be in the request body")
    parameters = read_parameters(request)
    allow_pages_of_sender(parameters)
    certificate = client_certificate(request)
    # Before any transaction: the host where a client publishes its keys may be slow to answer.
    fetch_if_needed(parameters, certificate)
    return ClientRequest(
        url=current.settings().issuer + request.path,
        token_path=table().path_of("endpoints.token"),
        parameters=parameters,
        authorization=request.environ.get("HTTP_AUTHORIZATION", ""),
        ip=client_address(),
        dpop=request.environ.get("HTTP_DPOP"),
        certificate=certificate,
        wants_signed=wants_signed,
    )

"""The Device Authorization Endpoint (rfc8628 §3.1): a device that has no browser asks for its codes."""

from flask import Response, request

from provider.endpoints.client_endpoint import respond
from provider.endpoints.description import for_clients
from provider.infrastructure import current
from provider.oauth.authorization.device_authorization import authorize_device
from provider.oauth.client_proof.client_request import ClientRequest, Granted, Outcome, Refused
from provider.protocol.device import label_of
from provider.protocol.errors import ProtocolError, TooManyRequests
from provider.web import network_limits
from provider.web.client_request import read_client_request
from provider.web.openapi import COUNT, TEXT, as_json, object_of, schema
from provider.web.route import Route, Speaks
from provider.web.routes import table

# `Retry-After` for too many requests from one address; the limit itself is a setting.
_SECONDS_TO_WAIT = 60


def device_authorization() -> Response:
    """Answer a device's request."""
    asked = read_client_request(request)
    # Before the client is authenticated: each request writes a row, which lasts until it expires.
    limit = current.settings().device_request_limit_address
    if not network_limits.hit(limit, "device-request-address"):
        raise TooManyRequests("too many requests from this address", retry_after=_SECONDS_TO_WAIT)
    device = label_of(request.user_agent.string)
    return respond(lambda: _give_codes(asked, device), writes=True)


def _give_codes(asked: ClientRequest, device: str) -> Outcome:
    try:
        page = current.settings().issuer + table().path_of("pages.device")
        return Granted(authorize_device(asked, device=device, verification_uri=page))
    except ProtocolError as exc:
        # Returned and not raised, so that an assertion's use is committed.
        return Refused(exc)


ROUTE = Route(
    rule="/device-authorization",
    name="device_authorization",
    view=device_authorization,
    methods=("POST",),
    speaks=Speaks.JSON,
    discovery="device_authorization_endpoint",
    takes_certificates=True,
    operations=for_clients(
        "deviceAuthorization",
        "Codes for a device without a browser (RFC 8628).",
        {"200": as_json("The codes, and where the person enters the user code.", schema("DeviceCodes"))},
        members=dict.fromkeys(("scope", "resource"), TEXT),
    ),
    schemas={
        "DeviceCodes": object_of(
            device_code=TEXT,
            user_code=TEXT,
            verification_uri=TEXT,
            verification_uri_complete=TEXT,
            expires_in=COUNT,
            interval=COUNT,
        )
    },
)

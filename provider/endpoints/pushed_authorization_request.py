"""The Pushed Authorization Request Endpoint (rfc9126 §2): the client sends its request directly."""

from flask import Response, request

from provider.clients.models import Client
from provider.endpoints.client_endpoint import respond
from provider.endpoints.description import AUTHORIZATION_PARAMETERS, DPOP, for_clients
from provider.infrastructure import current
from provider.interactions.models import InteractionKind
from provider.oauth.authorization.pushed_request import push
from provider.oauth.authorization.request_object import check_signed, fetch_keys, read, refuse_if_off
from provider.oauth.client_proof.client_request import ClientRequest, Granted, Outcome, Refused
from provider.oauth.client_proof.dpop import thumbprint_of
from provider.oauth.token.server import prove_client
from provider.protocol.errors import InvalidDPoPProof, InvalidRequest, ProtocolError, TooManyRequests
from provider.web import network_limits
from provider.web.client_request import read_client_request
from provider.web.openapi import COUNT, TEXT, as_json, object_of
from provider.web.parking import check_parking_limit
from provider.web.route import CORS, Route, Speaks


def pushed_authorization_request() -> Response:
    """Store an authorization request, so that the browser passes on only its `request_uri`."""
    asked = read_client_request(request)
    # Fetched before any transaction is open, like the keys of the client's assertion.
    fetch_keys(asked.parameters.get("request", ""))
    response = respond(lambda: _push(asked), writes=True)
    response.status_code = 201
    return response


def _push(asked: ClientRequest) -> Outcome:
    client = prove_client(asked)
    try:
        _check_limit(client, asked)
        # rfc9126 §2.1: 'the request_uri authorization request parameter … MUST NOT be provided'.
        if "request_uri" in asked.parameters:
            raise InvalidRequest("request_uri must not be sent in a pushed request")
        request_uri, lifetime = push(_parameters(asked, client), client_id=client.client_id)
    except ProtocolError as exc:
        return Refused(exc)
    return Granted({"request_uri": request_uri, "expires_in": int(lifetime.total_seconds())})


def _parameters(asked: ClientRequest, client: Client) -> dict[str, str]:
    """Return the parameters of the form, or of the request object in it (rfc9126 §3).

    rfc9449 §10.1: a DPoP proof counts as `dpop_jkt`, and both must name the same key.
    """
    parameters, jkt = dict(asked.parameters), thumbprint_of(asked)
    check_signed(parameters, client.metadata_)
    if "request" in parameters:
        refuse_if_off(parameters)
        parameters = read(
            parameters["request"], client.metadata_, client_id=client.client_id, beside=parameters
        )
    if jkt is not None and parameters.setdefault("dpop_jkt", jkt) != jkt:
        raise InvalidDPoPProof("dpop_jkt is not the key of the DPoP proof")
    return parameters


def _check_limit(client: Client, asked: ClientRequest) -> None:
    limit = current.settings().pushed_request_limit
    if not network_limits.hit(limit, "pushed-request", client.client_id):
        raise TooManyRequests("too many pushed requests; retry later")
    if client.self_registered or client.metadata_.is_public:
        # Pushing for a public client needs no secret, and anyone can register many self-registered ones.
        check_parking_limit(InteractionKind.PUSHED, asked.parameters)


ROUTE = Route(
    rule="/par",
    name="pushed_authorization_request",
    view=pushed_authorization_request,
    methods=("POST",),
    speaks=Speaks.JSON,
    cors=CORS.CLIENT,
    discovery="pushed_authorization_request_endpoint",
    takes_certificates=True,
    operations=for_clients(
        "pushedAuthorizationRequest",
        "A pushed authorization request (RFC 9126).",
        {
            "201": as_json(
                "The request_uri to send in the authorization request.",
                object_of(request_uri=TEXT, expires_in=COUNT),
            )
        },
        members=dict.fromkeys(AUTHORIZATION_PARAMETERS, TEXT),
        parameters=[DPOP],
    ),
)

"""The UserInfo Endpoint (core §5.3): the claims that an access token allows."""

import json
from typing import Any

from flask import Request, Response

from provider.accounts.claims import claims_of
from provider.clients.models import Client
from provider.endpoints.client_endpoint import never_stored
from provider.endpoints.description import ANY, BEARER, DPOP
from provider.infrastructure import current
from provider.keys.jwt import ID_TOKEN_TYP, sign
from provider.oauth.client_proof.encryption import USERINFO, encrypted, prepare
from provider.protocol.errors import InsufficientScope, InvalidToken, MissingToken
from provider.protocol.scopes import OPENID, names_for, pick
from provider.web.access_token import PresentedToken, presented_token
from provider.web.json_responses import json_response
from provider.web.notes import this_request
from provider.web.openapi import TEXT, as_content, operation
from provider.web.parameters import read_parameters
from provider.web.route import CORS, Route, Speaks


def userinfo() -> Response:
    """Answer with the claims of the token's scopes, and with those requested by name."""
    found = _shown_token(this_request()).read()
    if found is None:
        raise InvalidToken("the access token is unknown, expired or revoked")
    scopes = found.token.scope.split()
    if found.grant is None or found.account is None or OPENID not in scopes:
        raise InsufficientScope("the access token was not issued for openid", scope=OPENID)
    # core §5.3.2: 'The sub Claim MUST always be returned', the same as in the ID Token.
    names = names_for(scopes) | set(found.token.claims or ())
    claims = {"sub": found.grant.sub} | pick(names, claims_of(found.account))
    return never_stored(_respond(found.holder, claims))


def _respond(client: Client, claims: dict[str, Any]) -> Response:
    """Return the claims as the client registered: in JSON, signed, encrypted or both (core §5.3.2)."""
    metadata = client.metadata_
    alg = metadata.userinfo_signed_response_alg
    if alg is None and metadata.encryption_of(USERINFO) is None:
        return json_response(claims)
    if alg is None:
        said = json.dumps(claims, separators=(",", ":"))
    else:
        # core §5.3.2: 'If signed, the UserInfo Response MUST contain the Claims iss and aud'.
        named = {"iss": current.settings().issuer, "aud": client.client_id}
        said = sign(named | claims, typ=ID_TOKEN_TYP, alg=alg)
    prepare(client, USERINFO)
    return Response(encrypted(said, client, USERINFO, signed=alg is not None), mimetype="application/jwt")


def _shown_token(request: Request) -> PresentedToken:
    """Return the token from the header or the form."""
    shown = presented_token(request, in_form=read_parameters(request).get("access_token"))
    if shown is None:
        raise MissingToken("an access token is required")
    return shown


_OPERATION = operation(
    "userinfo",
    "The claims of the token's scopes (OpenID Connect Core 1.0, 5.3).",
    {
        "200": as_content(
            "The claims, signed if the client registered that.",
            **{"application/json": ANY, "application/jwt": TEXT},
        )
    },
    security=BEARER,
    parameters=[DPOP],
)
ROUTE = Route(
    rule="/userinfo",
    name="userinfo",
    view=userinfo,
    methods=("GET", "POST"),
    speaks=Speaks.JSON,
    cors=CORS.BEARER,
    discovery="userinfo_endpoint",
    takes_certificates=True,
    operations={"GET": _OPERATION, "POST": _OPERATION | {"operationId": "userinfoByPost"}},
)

"""The UserInfo Endpoint (core §5.3): what the person's access token allows to know."""

from flask import Request, Response, jsonify, request

from provider.accounts.claims import claims_of
from provider.endpoints.client_endpoint import never_stored
from provider.infrastructure.database import end_read
from provider.protocol.errors import InsufficientScope, InvalidRequest, InvalidToken, MissingToken
from provider.protocol.scopes import OPENID, claims_for
from provider.tokens.liveness import find_access_token
from provider.web.parameters import read_parameters


def userinfo() -> Response:
    """Answer with the claims that the token's scopes allow."""
    found = find_access_token(_bearer_token(request))
    end_read()
    if found is None:
        raise InvalidToken("the access token is unknown, expired or revoked")
    scopes = found.token.scope.split()
    if found.grant is None or found.account is None or OPENID not in scopes:
        raise InsufficientScope("the access token was not issued for openid", scope=OPENID)
    # core §5.3.2: 'The sub Claim MUST always be returned', the same as in the ID Token.
    claims = {"sub": found.grant.sub} | claims_for(scopes, claims_of(found.account))
    return never_stored(jsonify(claims))


def _bearer_token(request: Request) -> str:
    """Return the token from the header or the form; rfc6750 §2: by one way, and never in the URL."""
    scheme, _, from_header = request.headers.get("Authorization", "").partition(" ")
    parameters = read_parameters(request)
    if "access_token" in request.args:
        raise InvalidRequest("the access token does not belong into the URL")
    from_form = parameters.get("access_token")
    if scheme.lower() != "bearer":
        from_header = ""
    if from_header and from_form:
        raise InvalidRequest("the access token was sent in two ways")
    token = from_header.strip() or from_form
    if not token:
        raise MissingToken("an access token is needed")
    return token

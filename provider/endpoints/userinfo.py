"""The UserInfo Endpoint (core §5.3): what the person's access token allows to know."""

from flask import Request, Response, jsonify, request

from provider.accounts.claims import claims_of
from provider.endpoints.client_endpoint import never_stored
from provider.infrastructure.database import end_read
from provider.protocol.errors import InsufficientScope, InvalidToken, MissingToken
from provider.protocol.scopes import OPENID, claims_for
from provider.web.access_token import ShownToken, shown_token
from provider.web.parameters import read_parameters


def userinfo() -> Response:
    """Answer with the claims that the token's scopes allow."""
    found = _shown_token(request).find()
    end_read()
    if found is None:
        raise InvalidToken("the access token is unknown, expired or revoked")
    scopes = found.token.scope.split()
    if found.grant is None or found.account is None or OPENID not in scopes:
        raise InsufficientScope("the access token was not issued for openid", scope=OPENID)
    # core §5.3.2: 'The sub Claim MUST always be returned', the same as in the ID Token.
    claims = {"sub": found.grant.sub} | claims_for(scopes, claims_of(found.account))
    return never_stored(jsonify(claims))


def _shown_token(request: Request) -> ShownToken:
    """Return the token from the header or the form."""
    shown = shown_token(request, in_form=read_parameters(request).get("access_token"))
    if shown is None:
        raise MissingToken("an access token is needed")
    return shown

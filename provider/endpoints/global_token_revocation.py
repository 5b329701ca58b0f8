"""Global Token Revocation (draft-parecki-oauth-global-token-revocation): an upstream signs a person out.

It acts like *everywhere*: all sessions and grants end, and all apps are notified. Experimental, like the
draft.
"""

from flask import Response, request

from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.clients.models import Client
from provider.infrastructure.database import in_transaction
from provider.logout.everywhere import end_everywhere
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.logout.upstream import AmbiguousSubject, find_account
from provider.protocol.errors import (
    InsufficientScope,
    InvalidToken,
    MissingToken,
    NotFound,
    ProtocolError,
    UnprocessableRequest,
)
from provider.protocol.json_object import read_json_object
from provider.protocol.scopes import GLOBAL_TOKEN_REVOCATION
from provider.protocol.subject_identifier import SubjectIdentifier, read_subject_identifier
from provider.web.access_token import presented_token
from provider.web.addresses import client_address
from provider.web.openapi import TEXT, Described, json_body, object_of, operation, response, schema
from provider.web.parameters import check_body
from provider.web.route import Route, Speaks


def global_token_revocation() -> Response:
    """Sign a person out everywhere at the request of an upstream provider."""
    client = _authenticate()
    subject = _read_subject()
    refusal = in_transaction(lambda: _end(subject, client))
    if refusal is not None:
        raise refusal
    return Response(status=204)


def _authenticate() -> Client:
    """Return the upstream's client; §3.2: its token has the dedicated scope and, here, no other."""
    shown = presented_token(request)
    if shown is None:
        raise MissingToken("an access token is required")
    found = shown.find()
    if found is None:
        raise InvalidToken("the access token is unknown, expired or revoked")
    dedicated = found.grant is None and found.token.scope.split() == [GLOBAL_TOKEN_REVOCATION]
    # A client that may no longer have the scope is refused at once, whatever its token says (SEC-802).
    if not dedicated or not found.client.metadata_.may_use_scope(GLOBAL_TOKEN_REVOCATION):
        raise InsufficientScope(
            f"a client_credentials token with only the scope {GLOBAL_TOKEN_REVOCATION} is required",
            scope=GLOBAL_TOKEN_REVOCATION,
        )
    return found.client


def _read_subject() -> SubjectIdentifier:
    check_body(request, "application/json")
    return read_subject_identifier(read_json_object(request.get_data()).get("sub_id"))


def _end(subject: SubjectIdentifier, client: Client) -> ProtocolError | None:
    """End everything, or return the refusal: a value, so that its audit entry is committed (§4)."""
    try:
        account = find_account(subject, client)
    except AmbiguousSubject:
        return _refused(client, UnprocessableRequest("sub_id matches several accounts"))
    if account is None:
        return _refused(client, NotFound("sub_id matches no account"))
    cause = Cause(reason=LogoutReason.UPSTREAM, initiator="client", client=client, ip=client_address())
    end_everywhere(account, cause)
    return None


def _refused(client: Client, refusal: ProtocolError) -> ProtocolError:
    # Recorded so that attempts to guess names can be traced.
    record(
        EventTag.LOGOUT_REFUSED,
        actor="client",
        client_id=client.client_id,
        ip=client_address(),
        reason=LogoutReason.UPSTREAM,
        status=refusal.status_code,
    )
    return refusal


def _subject(form_of: str, **members: Described) -> Described:
    return {
        "type": "object",
        "required": ["format", *members],
        "properties": {"format": {"const": form_of}} | members,
        "additionalProperties": False,
    }


ROUTE = Route(
    rule="/global-token-revocation",
    name="global_token_revocation",
    view=global_token_revocation,
    methods=("POST",),
    speaks=Speaks.JSON,
    discovery="global_token_revocation_endpoint",
    operations={
        "POST": operation(
            "globalTokenRevocation",
            "Sign a person out everywhere for an upstream provider (Global Token Revocation, an "
            "Internet-Draft).",
            {
                "204": {"description": "All sessions and grants of the person have ended."},
                "404": response("ProtocolError"),
                "422": response("ProtocolError"),
            },
            security=[{"clientToken": [GLOBAL_TOKEN_REVOCATION]}],
            requestBody=json_body("GlobalTokenRevocation"),
        )
    },
    schemas={
        "GlobalTokenRevocation": object_of(sub_id=schema("SubjectIdentifier")),
        "SubjectIdentifier": {
            "description": "A Subject Identifier (RFC 9493). opaque holds the account's identifier.",
            "oneOf": [
                _subject("iss_sub", iss=TEXT, sub=TEXT),
                _subject("email", email=TEXT),
                _subject("opaque", id=TEXT),
            ],
        },
    },
)

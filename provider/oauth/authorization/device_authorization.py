"""Requests and responses of the device authorization endpoint (rfc8628 §3.1, §3.2)."""

from typing import Any
from urllib.parse import urlencode

from provider.clients.models import Client
from provider.clients.resources import check
from provider.oauth.authorization.degraded_client import why_refused
from provider.oauth.client_proof.client_request import ClientRequest
from provider.oauth.client_proof.refusals import Concerning
from provider.oauth.token.server import prove_client
from provider.protocol import user_code as user_codes
from provider.protocol.errors import InvalidScope, UnauthorizedClient
from provider.protocol.grant_types import DEVICE_CODE
from provider.protocol.resource_indicator import read_resources
from provider.protocol.scopes import ACCOUNT, ADMIN_SCOPES, CLIENT_SCOPES, OFFLINE_ACCESS
from provider.tokens import device_codes


def authorize_device(request: ClientRequest, *, device: str, verification_uri: str) -> dict[str, Any]:
    """Give a client's device its codes.

    `device` describes the device to the person, `verification_uri` is the page where they enter the user
    code.
    """
    client = prove_client(request)
    with Concerning(client):
        if not client.metadata_.may_use_grant_type(DEVICE_CODE):
            raise UnauthorizedClient("the client is not registered for the device grant")
        if refused := why_refused(client, None):
            raise refused
        scopes = _read_scopes(request, client)
        resources = [resource.identifier for resource in check(read_resources(request.parameters))]
    code, handle, user_code = device_codes.issue(
        client,
        scope=" ".join(scopes),
        device=device,
        ip=request.ip,
        request={"resources": resources} if resources else {},
    )
    shown = user_codes.shown(user_code)
    return {
        "device_code": handle,
        "user_code": shown,
        "verification_uri": verification_uri,
        "verification_uri_complete": f"{verification_uri}?{urlencode({'user_code': shown})}",
        "expires_in": int((code.expires_at - code.created_at).total_seconds()),
        "interval": code.interval,
    }


def _read_scopes(request: ClientRequest, client: Client) -> list[str]:
    """Return the scopes asked for, by the rules of an Authentication Request.

    offline_access needs no prompt=consent here: the person who allows a device is asked in any case.
    """
    metadata = client.metadata_
    asked = dict.fromkeys(request.parameters.get("scope", "").split())
    may_be_offline = metadata.may_use_grant_type("refresh_token")
    known = [
        scope
        for scope in asked
        if metadata.may_use_scope(scope)
        # rfc8628 §5.4: a person can be talked into allowing another person's device.
        and scope not in (*CLIENT_SCOPES, *ADMIN_SCOPES)
        and (scope != OFFLINE_ACCESS or may_be_offline)
    ]
    if not known:
        raise InvalidScope("none of the requested scopes is available to this client")
    # This scope lets a client sign the person out everywhere, so it is only for the operator's own apps and
    # for apps on the person's device.
    if ACCOUNT in known and not client.may_use_account_api:
        raise InvalidScope(f"the scope {ACCOUNT} is for first-party and native apps")
    return known

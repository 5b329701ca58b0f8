"""Logout Tokens with the provider's signature and any claims, for tests of a receiver."""

import time
from typing import Any

from flask import Response, jsonify

from provider.dev.api.body import member, read_body
from provider.dev.api.clients import get as get_client
from provider.dev.only_this_machine import API
from provider.infrastructure import current
from provider.infrastructure.opaque_tokens import new_handle
from provider.inspection.specimens import LIFETIME_SECONDS
from provider.keys import jwt
from provider.logout.notification.logout_token import BACKCHANNEL_LOGOUT_EVENT
from provider.protocol.errors import InvalidRequest
from provider.web.route import Route, Speaks


def sign() -> Response:
    """Sign a Logout Token for a client: a valid one, except for the given claims.

    A claim that is null is omitted. Nothing is sent, and nothing ends at the provider.
    """
    given = read_body({"client_id", "claims", "typ"})
    client = get_client(member(given, "client_id", str, ""))
    changes = member(given, "claims", dict, {})
    claims = _in_order(client.client_id) | changes
    alg = client.metadata_.id_token_signed_response_alg
    try:
        token = jwt.sign(
            {name: value for name, value in claims.items() if value is not None},
            typ=member(given, "typ", str, jwt.LOGOUT_TOKEN_TYP),
            alg=alg,
        )
    except (TypeError, ValueError) as exc:
        raise InvalidRequest("the claims cannot be written as a JWT") from exc
    return jsonify({"logout_token": token, "alg": alg})


def _in_order(client_id: str) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": current.settings().issuer,
        "aud": client_id,
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
        "jti": new_handle(),
        "events": {BACKCHANNEL_LOGOUT_EVENT: {}},
    }


ROUTES = (Route(rule=f"{API}/logout-tokens", name="sign", view=sign, methods=("POST",), speaks=Speaks.JSON),)

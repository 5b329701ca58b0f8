"""Whether the provider is ready, and the addresses of everything."""

from typing import Any

from flask import Response, jsonify

from provider.dev.only_this_machine import API
from provider.dev.population import CONFIDENTIAL, PASSWORD, PEOPLE, PUBLIC, SECRET
from provider.infrastructure import current
from provider.web.route import Route, Speaks


def ready() -> Response:
    """Respond once people can sign in and deliveries are made; before that no request is answered."""
    return jsonify(describe())


def describe() -> dict[str, Any]:
    """Return what a developer needs to know about this provider."""
    issuer = current.settings().issuer
    return {
        "issuer": issuer,
        "discovery": f"{issuer}/.well-known/openid-configuration",
        "page": f"{issuer}/dev",
        "api": issuer + API,
        "people": [{"username": username, "password": PASSWORD} for username in PEOPLE],
        "clients": [{"client_id": CONFIDENTIAL, "client_secret": SECRET}, {"client_id": PUBLIC}],
        "for_development_only": True,
    }


ROUTES = (Route(rule=f"{API}/ready", name="ready", view=ready, speaks=Speaks.JSON),)

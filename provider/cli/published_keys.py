"""Fetches the keys that a provider publishes, for a command that runs without settings."""

from ipaddress import ip_network

from provider.cli.context import fail
from provider.infrastructure.outbound_http import OutboundClient, OutboundFailure, OutboundPolicy
from provider.protocol import strict_json

_LARGEST = 1024 * 1024
_LOOPBACK = tuple(map(ip_network, ("127.0.0.0/8", "::1/128")))
# The operator chose the address, so a provider in their own network is allowed.
_ANYWHERE = tuple(map(ip_network, ("0.0.0.0/0", "::/0")))


def fetch_keys(issuer: str) -> bytes:
    """Return the JWK Set of a provider (discovery §4), or exit with an error message."""
    described = _get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    try:
        document = strict_json.load_object(described)
    except ValueError as exc:
        fail(f"the discovery document of {issuer} is not valid: {exc}")
    # discovery §4.3: the issuer must be exactly the one that was requested.
    if document.get("issuer") != issuer:
        fail(f"the provider at {issuer} calls itself {document.get('issuer')!s:.200}")
    return _get(str(document.get("jwks_uri")))


def _get(url: str) -> bytes:
    # Over plain http, an attacker on the network could insert keys of their own.
    is_plain = not url.lower().startswith("https:")
    policy = OutboundPolicy(
        allowed_networks=_LOOPBACK if is_plain else _ANYWHERE,
        allowed_hosts=("localhost",) if is_plain else (),
        allowed_ports=None,
    )
    client = OutboundClient(policy)
    try:
        response = client.get(url, max_body_bytes=_LARGEST)
    except OutboundFailure as exc:
        fail(f"{url:.200} cannot be fetched: {exc.detail or exc}")
    finally:
        client.close()
    if response.status != 200:
        fail(f"{url:.200} answers with status {response.status}")
    return response.body

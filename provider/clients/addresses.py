"""Checks of client metadata that need the network, made before registration."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from provider.infrastructure import current, event_log
from provider.infrastructure.outbound_http import OutboundFailure, check_url
from provider.protocol import strict_json
from provider.protocol.client_metadata import ClientMetadata, InvalidClientMetadata, Problem
from provider.protocol.uri import parse_web_uri

_MOST_SECTOR_BYTES = 64 * 1024
_SECTOR_DEADLINE = timedelta(seconds=5)


def check_addresses(
    metadata: ClientMetadata, *, deliver_to: str | None = None, for_operator: bool = False
) -> None:
    """Raise InvalidClientMetadata for addresses that cannot be called, or that the sector does not list.

    The operator's override replaces the back-channel URI, so it is checked instead. No transaction may be
    open: a sector's document is fetched.
    """
    called = {"jwks_uri": metadata.jwks_uri, "sector_identifier_uri": metadata.sector_identifier_uri}
    called |= (
        {"deliver_to": deliver_to}
        if deliver_to
        else {"backchannel_logout_uri": metadata.backchannel_logout_uri}
    )
    problems = [
        problem
        for name, url in called.items()
        if url and (problem := _problem_of(name, url, for_operator=for_operator))
    ]
    if not problems and metadata.sector_identifier_uri:
        problems = list(_problems_of_sector(metadata))
    if problems:
        raise InvalidClientMetadata(problems)


def has_plain_http_logout(metadata: ClientMetadata) -> bool:
    """Return whether Logout Tokens for the registered address leave this machine unencrypted."""
    uri = metadata.backchannel_logout_uri or ""
    return uri.startswith("http:") and not parse_web_uri(uri).is_loopback


def _problem_of(name: str, url: str, *, for_operator: bool) -> Problem | None:
    try:
        check_url(url, current.services().outbound.policy)
    except OutboundFailure as exc:
        # The operator sees the detail; a client's owner sees only the general message (THR-44).
        why = f"{exc.detail} (see CURFEW_OUTBOUND_ALLOW)" if for_operator else exc
        return Problem(name, f"cannot be called: {why}")
    return None


def _problems_of_sector(metadata: ClientMetadata) -> Iterator[Problem]:
    """Registration §5: the document MUST list every redirect URI of the client."""
    name, uri = "sector_identifier_uri", metadata.sector_identifier_uri or ""
    try:
        response = current.services().outbound.get(
            uri, max_body_bytes=_MOST_SECTOR_BYTES, total_deadline=_SECTOR_DEADLINE
        )
        listed: Any = strict_json.load(response.body) if response.status == 200 else None
    except OutboundFailure as exc:
        event_log.warning("sector_not_fetched", uri=uri, kind=exc.kind, detail=exc.detail)
        yield Problem(name, f"cannot be read: {exc}")
        return
    except strict_json.MalformedJSON:
        yield Problem(name, "does not answer with JSON")
        return
    if not isinstance(listed, list):
        yield Problem(name, "does not answer with a JSON array")
        return
    for redirect_uri in metadata.redirect_uris:
        if redirect_uri not in listed:
            yield Problem(name, f"does not list {redirect_uri}")

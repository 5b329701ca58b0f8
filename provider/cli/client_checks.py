"""What only the network can tell about a client's metadata, asked before it is registered."""

import json
from typing import Any

from provider.clients.options import ClientOptions
from provider.infrastructure import current
from provider.infrastructure.outbound_http import OutboundFailure, check_url
from provider.protocol.client_metadata import ClientMetadata, InvalidClientMetadata, Problem

_MOST_SECTOR_BYTES = 64 * 1024


def check_addresses(metadata: ClientMetadata, options: ClientOptions) -> None:
    """Raise InvalidClientMetadata for addresses that could never be called or that disagree.

    The operator's override takes the back-channel URI's place, so it is judged instead.
    """
    called = {"jwks_uri": metadata.jwks_uri, "sector_identifier_uri": metadata.sector_identifier_uri}
    called |= (
        {"deliver_to": options.deliver_to}
        if options.deliver_to
        else {"backchannel_logout_uri": metadata.backchannel_logout_uri}
    )
    problems = [problem for name, url in called.items() if url and (problem := _problem_of(name, url))]
    if not problems and metadata.sector_identifier_uri:
        problems = _problems_of_sector(metadata)
    if problems:
        raise InvalidClientMetadata(problems)


def _problem_of(name: str, url: str) -> Problem | None:
    try:
        check_url(url, current.house().outbound.policy)
    except OutboundFailure as exc:
        # The operator may know why; a client's owner gets the bare sentence (THR-44).
        return Problem(name, f"cannot be called: {exc.detail} (see CURFEW_OUTBOUND_ALLOW)")
    return None


def _problems_of_sector(metadata: ClientMetadata) -> list[Problem]:
    """Registration §5: the document MUST list every redirect URI of the client."""
    name = "sector_identifier_uri"
    try:
        answer = current.house().outbound.get(
            metadata.sector_identifier_uri or "", max_body_bytes=_MOST_SECTOR_BYTES
        )
        listed: Any = json.loads(answer.body) if answer.status == 200 else None
    except OutboundFailure as exc:
        return [Problem(name, f"cannot be read: {exc}")]
    except ValueError:
        return [Problem(name, "does not answer with JSON")]
    if not isinstance(listed, list):
        return [Problem(name, "does not answer with a JSON array")]
    missing = [uri for uri in metadata.redirect_uris if uri not in listed]
    return [Problem(name, f"does not list {uri}") for uri in missing]

"""Remarks on accepted client metadata that the operator should know about."""

from typing import Any

from provider.cli.plain_text import say
from provider.clients.addresses import has_plain_http_logout
from provider.protocol.client_metadata import FIELDS, ClientMetadata
from provider.protocol.client_metadata_texts import read_translations
from provider.protocol.idn import with_ascii_host
from provider.protocol.redirect_uri_rules import FIELDS as REDIRECT_FIELDS
from provider.protocol.redirect_uri_rules import unwise_uris


def say_remarks(asked: dict[str, Any], metadata: ClientMetadata) -> None:
    """Write a line to standard error for each remark."""
    # rfc7591 §2: members that are not understood are ignored, not refused.
    unknown = sorted(asked.keys() - set(FIELDS) - read_translations(asked)[0].keys())
    if unknown:
        say(f"curfew: ignored, because unknown: {', '.join(unknown)}", err=True)
    for uri, registered in _hosts_of_other_letters(asked).items():
        say(f"curfew: {uri} is registered as {registered}; the app must send it so", err=True)
    for uri, why in unwise_uris(metadata).items():
        say(f"curfew: warning: {uri} {why}", err=True)
    if has_plain_http_logout(metadata):
        say(
            "curfew: warning: backchannel_logout_uri uses plain http: others on the way can read Logout "
            "Tokens, hold them back or replay them; use https",
            err=True,
        )


def _hosts_of_other_letters(asked: dict[str, Any]) -> dict[str, str]:
    named = [uri for field in REDIRECT_FIELDS for uri in asked.get(field) or ()]
    return {uri: with_ascii_host(uri) for uri in named if with_ascii_host(uri) != uri}

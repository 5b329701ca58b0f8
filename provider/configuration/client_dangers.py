"""Describe what people and apps lose when a client is changed or removed."""

from collections.abc import Mapping
from typing import Any

from provider.clients import credentials
from provider.clients.models import Client
from provider.delivery.degraded import count_waiting
from provider.grants.queries import Wanted
from provider.logout.bulk.queries import measure, measure_grants
from provider.logout.models import BulkKind
from provider.logout.notice import recipient_of
from provider.protocol.client_metadata import ClientMetadata
from provider.protocol.redirect_uri_rules import FIELDS as REDIRECT_FIELDS
from provider.protocol.scopes import OFFLINE_ACCESS
from provider.tokens import service


def of_change(
    client: Client,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    more: Mapping[str, tuple[Any, Any]],
) -> list[str]:
    """Return the dangers of a change, a sentence each."""
    found = [*_of_addresses(before, after), *_of_scopes(before, after), *_of_offline(client, after)]
    if before["enabled"] and not after["enabled"]:
        found.append(_ended(client))
    metadata = ClientMetadata.from_stored(after)
    is_withdrawn = credentials.are_withdrawn(client.metadata_, metadata)
    if is_withdrawn or ("secret" in more and more["secret"][0]):
        tokens = _count(service.count_valid(client), "service token")
        found.append(f"withdraws a credential: {tokens} will end")
    if "secret" in more and more["secret"][0]:
        found.append("replaces the secret; the old one works for another day")
    return found


def of_removal(client: Client) -> list[str]:
    """Return what ends with a client, a sentence each."""
    waiting = count_waiting(recipient_of(client.id))
    return [_ended(client)] + ([f"{_count(waiting, 'notification')} will still be sent"] if waiting else [])


def _of_addresses(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    found = []
    for name in REDIRECT_FIELDS:
        gone = [uri for uri in before.get(name, ()) if uri not in after.get(name, ())]
        found += [f"removes {uri} from {name}" for uri in gone]
    name = "backchannel_logout_uri"
    if before.get(name) and not after.get(name):
        found.append("the app is no longer notified of sign-outs")
    return found


def _of_scopes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    metadata = ClientMetadata.from_stored(after)
    # What ends with offline access is counted apart.
    asked = [scope for scope in ClientMetadata.from_stored(before).scope.split() if scope != OFFLINE_ACCESS]
    gone = [scope for scope in asked if not metadata.may_use_scope(scope)]
    return [f"the app may no longer ask for the scopes {', '.join(gone)}"] if gone else []


def _of_offline(client: Client, after: Mapping[str, Any]) -> list[str]:
    metadata = ClientMetadata.from_stored(after)
    stays = metadata.may_use_scope(OFFLINE_ACCESS) and metadata.may_use_grant_type("refresh_token")
    if stays or not client.may_stay_offline:
        return []
    reach = measure_grants(Wanted(client_pk=client.id, offline=True))
    return [f"takes offline access away: {_count(reach.grants, 'offline grant')} will end"]


def _ended(client: Client) -> str:
    reach = measure(BulkKind.CLIENT, client=client)
    return (
        f"ends {_count(reach.client_sessions, 'session')} at the app, {_count(reach.grants, 'grant')} and "
        f"{_count(reach.service_tokens or 0, 'service token')}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

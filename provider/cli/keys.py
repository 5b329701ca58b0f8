"""`curfew keys`: the signing keys, their rotation, and what to do when one was stolen."""

from datetime import datetime
from typing import Any

import click

from provider.administration import signing_keys
from provider.cli.context import with_app
from provider.cli.output import json_option, show_json, show_table
from provider.cli.plain_text import say
from provider.cli.rekey import rekey
from provider.clients import queries as clients
from provider.clients import resources
from provider.clients.models import TokenFormat
from provider.infrastructure import current
from provider.infrastructure.database import transaction
from provider.keys import lifecycle, queries
from provider.keys.algorithms import ALGORITHMS
from provider.keys.lifecycle import KeyChange
from provider.keys.models import KeyState, SigningKey
from provider.protocol.client_metadata import ClientMetadata
from provider.tokens.jwt_access import USUAL_ALG

_PAGE = 100
_SAID = {
    "key_created": "is made and published",
    "key_activated": "signs from now on",
    "key_retired": "no longer signs, but stays published",
    "key_compromised": "is withdrawn permanently",
}


@click.group(
    epilog="""\b
Examples:
  curfew keys list
  curfew keys rotate --alg RS256
  curfew keys rotate --now
  curfew keys rekey --new-key-file new.key
  curfew keys compromise 0pVwtR8mAo3yBkVZ1y6nJb0ZC4mD1b1xk3cXyVd2fGk
"""
)
def keys() -> None:
    """See and rotate the signing keys, and replace the secret key that seals them."""


@keys.command("list", epilog="Example: curfew keys list --json")
@click.option("--all", "include_destroyed", is_flag=True, help="Show destroyed keys too.")
@json_option
@with_app
def list_(*, include_destroyed: bool, as_json: bool) -> None:
    """Show every key with its algorithm, state and next transition."""
    rows = [_view(key) for key in queries.list_keys(include_destroyed=include_destroyed)]
    if as_json:
        show_json(rows)
        return
    columns = ("alg", "state", "kid", "created_at", "activated_at", "next_state", "next_state_at")
    table = [[row[column] for column in columns] for row in rows]
    show_table(columns, table, empty="No keys yet; the first start of the provider creates them.")


@keys.command(epilog="Example: curfew keys rotate --alg ES256")
@click.option(
    "--alg", type=click.Choice(ALGORITHMS), help="Only the key of this algorithm; all of them by default."
)
@click.option(
    "--now", is_flag=True, help="Sign with the successor at once, without publishing it in advance."
)
@json_option
@with_app
def rotate(*, alg: str | None, now: bool, as_json: bool) -> None:
    """Publish a successor, which starts signing after relying parties have had time to fetch it.

    Without --now, running it again changes nothing while a successor is waiting. The old key stays
    published until all tokens signed by it have expired.
    """
    with transaction():
        changes = signing_keys.rotate(alg, now=now)
    if as_json:
        show_json({"changes": [_change_view(change) for change in changes]})
        return
    _tell(changes)
    waiting = [key for key in queries.list_keys() if key.state == KeyState.NEXT and alg in {None, key.alg}]
    for key in waiting:
        signs_from = lifecycle.signs_from(key).isoformat(sep=" ", timespec="minutes")
        say(f"{key.alg}: {key.kid} signs from {signs_from}.")


# A kid may begin with a hyphen, which must not make it an option.
@keys.command(
    context_settings={"ignore_unknown_options": True}, epilog="Example: curfew keys compromise -5hB0zDqJ3c"
)
@click.argument("kid")
@json_option
@with_app
def compromise(*, kid: str, as_json: bool) -> None:
    """Withdraw a compromised key permanently, and sign with another one.

    It leaves the JWKS and is refused even as a hint, here at once and in every other process within
    a minute. Relying parties may trust it until they refresh their cached JWKS.
    """
    with transaction():
        changes = signing_keys.compromise(kid)
    alg = queries.get_key(kid).alg
    affected, servers = _clients_signed_with(alg), _resources_signed_with(alg)
    if as_json:
        views = [_change_view(change) for change in changes]
        show_json({"changes": views, "affected_clients": affected, "affected_resources": servers})
        return
    if not changes:
        say(f"{kid} is already withdrawn.")
    _tell(changes)
    if affected:
        say(f"Clients whose tokens it signed: {', '.join(affected)}")
    if servers:
        say(f"Resource servers whose tokens it signed: {', '.join(servers)}")


keys.add_command(rekey)


def _tell(changes: list[KeyChange]) -> None:
    for change in changes:
        say(f"{change.alg}: {change.kid} {_SAID[change.event]}.")


def _view(key: SigningKey) -> dict[str, Any]:
    following = _next_step(key)
    return {
        "kid": key.kid,
        "alg": key.alg,
        "state": key.state,
        "created_at": key.created_at,
        "activated_at": key.activated_at,
        "retired_at": key.retired_at,
        "hint_only_at": key.hint_only_at,
        "destroyed_at": key.destroyed_at,
        "next_state": following[0] if following else None,
        "next_state_at": following[1] if following else None,
    }


def _next_step(key: SigningKey) -> tuple[KeyState, datetime] | None:
    """Return the next state of a key, and the earliest instant for it."""
    settings = current.settings()
    match key.state:
        case KeyState.NEXT:
            return KeyState.ACTIVE, lifecycle.signs_from(key)
        case KeyState.ACTIVE:
            return KeyState.RETIRED, (key.activated_at or key.created_at) + settings.key_rotation_period
        case KeyState.RETIRED:
            return KeyState.HINT_ONLY, (key.retired_at or key.created_at) + settings.key_publish_after_use
        case KeyState.HINT_ONLY:
            kept = settings.session_lifetime + lifecycle.HINT_WINDOW
            return KeyState.DESTROYED, (key.hint_only_at or key.created_at) + kept
    return None


def _change_view(change: KeyChange) -> dict[str, str]:
    return {"event": change.event, **change.detail}


def _clients_signed_with(alg: str) -> list[str]:
    """Return the ids of the clients whose tokens or responses are signed by an algorithm."""
    affected: list[str] = []
    page = clients.list_clients(limit=_PAGE)
    while page:
        affected += [client.client_id for client in page if alg in _algs_of(client.metadata_)]
        page = clients.list_clients(after=page[-1].id, limit=_PAGE)
    return affected


def _algs_of(metadata: ClientMetadata) -> set[str | None]:
    """Return the algorithms that sign a client's ID Tokens, Logout Tokens, responses and access tokens."""
    signed = {
        metadata.id_token_signed_response_alg,
        metadata.userinfo_signed_response_alg,
        metadata.introspection_signed_response_alg,
        metadata.authorization_signed_response_alg,
    }
    return signed | ({USUAL_ALG} if metadata.access_token_format == TokenFormat.JWT else set())


def _resources_signed_with(alg: str) -> list[str]:
    """Return the resource servers whose access tokens are signed by an algorithm."""
    return [
        one.identifier
        for one in resources.list_resources()
        if one.access_token_format == TokenFormat.JWT and (one.access_token_signing_alg or USUAL_ALG) == alg
    ]

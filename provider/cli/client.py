"""`curfew client`: the relying parties."""

import os
import socket
import sys
from typing import Any

import click

from provider.administration import client_credentials, clients
from provider.administration.clients import PRESELECTED
from provider.cli.client_options import (
    asked_options,
    leaves_method_open,
    metadata_options,
    named_metadata,
    operator_options,
    unwise_redirect_uris_option,
)
from provider.cli.client_problems import show_problems
from provider.cli.client_recipe import preset, preset_options, recipe_, say_what_next
from provider.cli.client_registration import registration_token_
from provider.cli.client_remarks import say_remarks
from provider.cli.client_view import app_facts, as_wire, for_people
from provider.cli.confirm import confirm
from provider.cli.context import with_app
from provider.cli.output import json_option, show_json, show_record, show_secret, show_table
from provider.cli.plain_text import say
from provider.clients import queries
from provider.clients.models import Client
from provider.config.values import read_timedelta
from provider.infrastructure.database import transaction
from provider.logout.bulk import walk as bulk_walk
from provider.protocol.client_registration import read_registration
from provider.protocol.redirect_uri_rules import unwise_uris

_keep_tokens = click.option(
    "--keep-tokens", is_flag=True, help="Keep the client's service tokens until they expire."
)


@click.group(
    epilog="""\b
Examples:
  curfew client add --client-id red --client-name Red --redirect-uri https://red.example/callback \\
      --post-logout-redirect-uri https://red.example/signed-out \\
      --backchannel-logout-uri https://red.example/backchannel-logout
  curfew client update red --logo-uri https://red.example/logo.svg --contact ops@red.example
  curfew client rotate-secret red --overlap 7d
  curfew client list --json
"""
)
def client() -> None:
    """Register and change relying parties."""


@client.command(
    epilog="""\b
Examples:
  curfew client add --client-id red --redirect-uri https://red.example/callback
  curfew client add --client-id shop --for spring --base-url https://shop.example --first-party
  curfew client add --application-type native --token-endpoint-auth-method none \\
      --redirect-uri com.example.green:/callback
  echo "$SECRET" | curfew client add --client-id blue --client-secret - --metadata-json blue.json
"""
)
@click.option("--client-id", help="Its id; generated if omitted.")
@click.option("--client-secret", help="Its secret, or - for standard input; generated if omitted.")
@unwise_redirect_uris_option
@preset_options
@operator_options
@metadata_options(with_defaults=True)
@json_option
@with_app
def add(
    *,
    client_id: str | None,
    client_secret: str | None,
    unwise_redirect_uris: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Register a client and print the values for its configuration; a generated secret is shown once."""
    named, software = named_metadata(given), given["software"]
    from_preset, preset_choices = preset(given, named)
    named = from_preset | named
    metadata = read_registration(PRESELECTED | named, may_be_unwise=lambda _: unwise_redirect_uris)
    options = asked_options(given, preset=preset_choices)
    clients.check_reachable(metadata, options)
    say_remarks(named, metadata)
    given_secret = _read_secret(client_secret)
    with transaction():
        made = clients.register(
            metadata,
            options,
            client_id=client_id,
            client_secret=given_secret,
            any_secret_method=leaves_method_open(named) is not False,
            recipe=software,
        )
    shown_secret = None if client_secret else made.secret
    if as_json:
        _show_changed(made.client, shown_secret, as_json=True)
        return
    show_record(app_facts(made.client))
    if shown_secret:
        show_secret("client_secret", shown_secret)
    say_what_next(made.client)


@client.command("list", epilog="Example: curfew client list --json")
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=1000,
    show_default=True,
    help="Maximum results.",
)
@json_option
@with_app
def list_(*, limit: int, as_json: bool) -> None:
    """List the clients, oldest first."""
    found = queries.list_clients(limit=limit)
    if as_json:
        show_json([as_wire(one) for one in found])
        return
    rows = [(one.client_id, one.display_name, *_row(one)) for one in found]
    columns = ("client_id", "Name", "Kind", "Logout address", "State", "Since")
    show_table(columns, rows, empty="No clients.")


@client.command(
    epilog="""\b
Examples:
  curfew client show red
  curfew client show red --problems    why its requests were refused, and what to change
"""
)
@click.argument("client_id")
@click.option("--problems", is_flag=True, help="Show its last refused requests, each with a fix.")
@json_option
@with_app
def show(*, client_id: str, problems: bool, as_json: bool) -> None:
    """Show a client's registration and options, or why its requests were refused."""
    known = queries.get_by_client_id(client_id)
    if problems:
        show_problems(known, as_json=as_json)
    elif as_json:
        show_json(as_wire(known))
    else:
        show_record(for_people(known))


@client.command(
    epilog="""\b
Examples:
  curfew client update red --redirect-uri https://red.example/a --redirect-uri https://red.example/b
  curfew client update red --logo-uri ""        takes the field away
"""
)
@click.argument("client_id")
@click.option(
    "--enable/--disable",
    "enabled",
    default=None,
    help="Accept or refuse all of its requests.",
)
@_keep_tokens
@unwise_redirect_uris_option
@operator_options
@metadata_options()
@json_option
@with_app
def update(
    *,
    client_id: str,
    enabled: bool | None,
    keep_tokens: bool,
    unwise_redirect_uris: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Change a client; anything not specified stays unchanged.

    If a credential is replaced or removed, the client's service tokens end.
    """
    if enabled is None and all(value is None or value == () for value in given.values()):
        raise click.UsageError("specify at least one change")
    known = queries.get_by_client_id(client_id)
    before, seen_at = known.registered, known.updated_at
    named = named_metadata(given)
    accepted = unwise_uris(known.metadata_)
    metadata = read_registration(
        before | named,
        may_be_unwise=lambda uri: unwise_redirect_uris or uri in accepted,
        registered=known.metadata_,
    )
    options = asked_options(given, known)
    clients.check_reachable(metadata, options)
    say_remarks(before | named, metadata)
    with transaction():
        known = clients.lock_as_seen(client_id, seen_at)
        secret = clients.update(
            known,
            metadata,
            options,
            enabled=enabled,
            keep_tokens=keep_tokens,
            any_secret_method=leaves_method_open(named),
        )
    # Offline grants that were taken away are revoked here as far as a moment goes; workers do the rest.
    bulk_walk.carry_on_if_free(f"{socket.gethostname()}:{os.getpid()}:update"[:128])
    _show_changed(known, secret, as_json=as_json)


@client.command(epilog="Example: curfew client remove red --yes")
@click.argument("client_id")
@click.option("--yes", is_flag=True, help="Skip the confirmation.")
@json_option
@with_app
def remove(*, client_id: str, yes: bool, as_json: bool) -> None:
    """Remove a client and revoke everything issued to it; pending notifications are still delivered."""
    known = queries.get_by_client_id(client_id)
    confirm(f"Remove {known.display_name} ({client_id})?", yes=yes)
    with transaction():
        known = queries.lock(client_id)
        clients.remove(known)
    if as_json:
        show_json({"client_id": client_id, "deleted_at": known.deleted_at})
    else:
        say(f"Removed {client_id}.")


client.add_command(registration_token_)
client.add_command(recipe_)


@client.command("rotate-secret", epilog="Example: curfew client rotate-secret red --overlap 7d")
@click.argument("client_id")
@click.option("--client-secret", help="The new secret, or - for standard input; generated if omitted.")
@click.option(
    "--overlap",
    default="1d",
    show_default=True,
    help="How long the old secret still works; 0 revokes it at once.",
)
@_keep_tokens
@json_option
@with_app
def rotate_secret(
    *, client_id: str, client_secret: str | None, overlap: str, keep_tokens: bool, as_json: bool
) -> None:
    """Replace a client's secret; the old one keeps working for the overlap.

    Meanwhile `curfew client show` says when each of them was last used. The client's service tokens end at
    once; it has to request new ones.
    """
    try:
        span = read_timedelta(overlap)
    except ValueError as exc:
        raise click.BadParameter(f"{overlap[:40]!r} {exc}", param_hint="--overlap") from exc
    given_secret = _read_secret(client_secret)
    with transaction():
        known = queries.get_by_client_id(client_id)
        rotated = client_credentials.rotate_secret(
            known, secret=given_secret, overlap=span, keep_tokens=keep_tokens
        )
    ended = rotated.service_tokens_ended
    shown_secret = None if client_secret else rotated.secret
    _show_changed(known, shown_secret, as_json=as_json, service_tokens_ended=ended)
    if ended and not as_json:
        say(f"Service tokens ended: {ended}.")


def _row(known: Client) -> tuple[object, ...]:
    metadata = known.metadata_
    kind = f"{'public' if metadata.is_public else 'confidential'} {metadata.application_type}"
    return (
        f"{kind}, {'first' if known.first_party else 'third'} party",
        known.deliver_to or metadata.backchannel_logout_uri,
        "enabled" if known.disabled_at is None else "disabled",
        known.created_at,
    )


def _show_changed(known: Client, secret: str | None, *, as_json: bool, **counts: int) -> None:
    """Show the client, with a secret only if it was made here and nobody knows it yet."""
    if as_json:
        # registration §3.2: 0 means that the secret does not expire.
        shown = {"client_secret": secret, "client_secret_expires_at": 0} if secret else {}
        show_json(as_wire(known) | shown | counts)
        return
    say(f"client_id: {known.client_id}")
    if secret:
        show_secret("client_secret", secret)


def _read_secret(given: str | None) -> str | None:
    return sys.stdin.readline().rstrip("\r\n") if given == "-" else given

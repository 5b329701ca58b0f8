"""`curfew client update`: change a client."""

import os
import socket
from typing import Any

import click

from provider.administration import clients
from provider.cli.client_options import (
    asked_options,
    leaves_method_open,
    metadata_options,
    named_metadata,
    operator_options,
    unwise_redirect_uris_option,
)
from provider.cli.client_remarks import say_remarks
from provider.cli.client_secret import keep_tokens_option
from provider.cli.client_view import show_changed
from provider.cli.context import with_app
from provider.cli.output import json_option
from provider.clients import queries
from provider.infrastructure.database import transaction
from provider.logout.bulk import walk as bulk_walk
from provider.protocol.client_registration import read_registration
from provider.protocol.redirect_uri_rules import unwise_uris


@click.command(
    "update",
    epilog="""\b
Examples:
  curfew client update red --redirect-uri https://red.example/a --redirect-uri https://red.example/b
  curfew client update red --logo-uri ""        takes the field away
""",
)
@click.argument("client_id")
@click.option(
    "--enable/--disable",
    "enabled",
    default=None,
    help="Accept or refuse all of its requests.",
)
@keep_tokens_option
@unwise_redirect_uris_option
@operator_options
@metadata_options()
@json_option
@with_app
def update_(
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
    # Start revoking the removed offline grants here, for a moment only; the workers do the rest.
    bulk_walk.carry_on_if_free(f"{socket.gethostname()}:{os.getpid()}:update"[:128])
    show_changed(known, secret, as_json=as_json)

"""`curfew client add`: register a client."""

from typing import Any

import click

from provider.administration import clients
from provider.administration.clients import PRESELECTED
from provider.cli.client_options import (
    asked_options,
    leaves_method_open,
    metadata_options,
    named_metadata,
    operator_options,
    unwise_redirect_uris_option,
)
from provider.cli.client_recipe import preset, preset_options, say_what_next
from provider.cli.client_remarks import say_remarks
from provider.cli.client_secret import read_secret
from provider.cli.client_view import app_facts, show_changed
from provider.cli.context import with_app
from provider.cli.output import json_option, show_record, show_secret
from provider.infrastructure.database import transaction
from provider.protocol.client_registration import read_registration


@click.command(
    "add",
    epilog="""\b
Examples:
  curfew client add --client-id red --redirect-uri https://red.example/callback
  curfew client add --client-id shop --for spring --base-url https://shop.example --first-party
  curfew client add --application-type native --token-endpoint-auth-method none \\
      --redirect-uri com.example.green:/callback
  echo "$SECRET" | curfew client add --client-id blue --client-secret - --metadata-json blue.json
""",
)
@click.option("--client-id", help="Its id; generated if omitted.")
@click.option("--client-secret", help="Its secret, or - for standard input; generated if omitted.")
@unwise_redirect_uris_option
@preset_options
@operator_options
@metadata_options(with_defaults=True)
@json_option
@with_app
def add_(
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
    given_secret = read_secret(client_secret)
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
        show_changed(made.client, shown_secret, as_json=True)
        return
    show_record(app_facts(made.client))
    if shown_secret:
        show_secret("client_secret", shown_secret)
    say_what_next(made.client)

"""`curfew resource`: the resource servers for which access tokens can be issued."""

from datetime import timedelta
from typing import Any

import click

from provider.administration import resources
from provider.cli.client_options import Span
from provider.cli.confirm import confirm
from provider.cli.context import with_app
from provider.cli.output import json_option, show_json, show_record, show_table
from provider.cli.plain_text import say
from provider.clients import queries
from provider.clients import resources as registered
from provider.clients.models import Resource, TokenFormat
from provider.infrastructure.database import transaction
from provider.keys.algorithms import ALGORITHMS


@click.group(
    epilog="""\b
Examples:
  curfew resource add https://api.example/ --name "Orders" --scope read --scope write
  curfew resource add https://files.example/ --access-token-format jwt --access-token-lifetime 2m
  curfew resource list --json
  curfew resource remove https://api.example/
"""
)
def resource() -> None:
    """Register the resource servers for which access tokens are issued."""


@resource.command(
    epilog="""\b
Examples:
  curfew resource add https://api.example/ --client-id orders-api
  curfew resource add urn:example:files --access-token-format jwt --access-token-signing-alg ES256
"""
)
@click.argument("identifier")
@click.option("--name", help="Name shown to people.")
@click.option(
    "--access-token-format",
    type=click.Choice([one.value for one in TokenFormat]),
    default=TokenFormat.OPAQUE.value,
    show_default=True,
    help="An opaque reference for introspection, or a signed token that the server can validate locally "
    "until it expires.",
)
@click.option(
    "--access-token-signing-alg",
    type=click.Choice(ALGORITHMS),
    help="Signature algorithm of its tokens; default RS256.",
)
@click.option("--access-token-lifetime", type=Span(), help="Lifetime of its tokens; defaults to the setting.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help="A scope that it accepts; without this option it accepts all scopes, from first-party clients "
    "only. Repeatable.",
)
@click.option("--client-id", help="The client as which it authenticates at the introspection endpoint.")
@json_option
@with_app
def add(*, identifier: str, client_id: str | None, as_json: bool, **given: Any) -> None:
    """Register a resource server by its URI, which clients send as `resource` and tokens carry as `aud`."""
    with transaction():
        made = resources.add(
            identifier,
            name=given["name"] or None,
            access_token_format=TokenFormat(given["access_token_format"]),
            access_token_signing_alg=given["access_token_signing_alg"],
            access_token_lifetime=None
            if given["access_token_lifetime"] == ""
            else given["access_token_lifetime"],
            scopes=given["scopes"],
            client_id=client_id,
        )
    _show(made, as_json=as_json)


@resource.command("list", epilog="Example:  curfew resource list --json")
@json_option
@with_app
def list_(*, as_json: bool) -> None:
    """List the resource servers."""
    rows = [_view(one) for one in registered.list_resources()]
    if as_json:
        show_json(rows)
        return
    columns = ("identifier", "name", "access_token_format", "access_token_lifetime", "scopes", "client_id")
    table = [[row[column] for column in columns] for row in rows]
    show_table(columns, table, empty="No resource servers.")


@resource.command(epilog="Example:  curfew resource show https://api.example/")
@click.argument("identifier")
@json_option
@with_app
def show(*, identifier: str, as_json: bool) -> None:
    """Show one resource server."""
    _show(registered.get(identifier), as_json=as_json)


@resource.command(epilog="Example:  curfew resource remove https://api.example/ --yes")
@click.argument("identifier")
@click.option("--yes", is_flag=True, help="Skip the confirmation.")
@json_option
@with_app
def remove(*, identifier: str, yes: bool, as_json: bool) -> None:
    """Remove a resource server: no new tokens are issued for it; existing ones remain until they expire."""
    registered.get(identifier)
    confirm(f"Remove the resource server {identifier}?", yes=yes)
    with transaction():
        resources.remove(identifier)
    if as_json:
        show_json({"identifier": identifier, "removed": True})
    else:
        say(f"Removed {identifier}.")


def _show(one: Resource, *, as_json: bool) -> None:
    (show_json if as_json else show_record)(_view(one))


def _view(one: Resource) -> dict[str, Any]:
    server = queries.find(one.client_id) if one.client_id else None
    lifetime: timedelta | None = one.access_token_lifetime
    return {
        "identifier": one.identifier,
        "name": one.name,
        "access_token_format": one.access_token_format,
        "access_token_signing_alg": one.access_token_signing_alg,
        "access_token_lifetime": lifetime,
        "scopes": one.scopes.split(),
        "client_id": server.client_id if server else None,
        "created_at": one.created_at,
    }

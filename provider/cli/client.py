"""`curfew client`: the relying parties."""

import click

from provider.cli.client_view import as_wire, for_people
from provider.cli.confirm import confirm
from provider.cli.context import with_app
from provider.cli.late_commands import LateCommands
from provider.cli.output import json_option, limit_option, show_json, show_record, show_table
from provider.cli.plain_text import say
from provider.clients import queries
from provider.clients.models import Client
from provider.infrastructure import owned_objects
from provider.infrastructure.database import transaction


@click.group(
    cls=LateCommands,
    late={
        "add": "provider.cli.client_add:add_",
        "update": "provider.cli.client_update:update_",
        "rotate-secret": "provider.cli.client_secret:rotate_secret_",
        "registration-token": "provider.cli.client_registration:registration_token_",
        "recipe": "provider.cli.client_recipe:recipe_",
    },
    epilog="""\b
Examples:
  curfew client add --client-id red --client-name Red --redirect-uri https://red.example/callback \\
      --post-logout-redirect-uri https://red.example/signed-out \\
      --backchannel-logout-uri https://red.example/backchannel-logout
  curfew client update red --logo-uri https://red.example/logo.svg --contact ops@red.example
  curfew client rotate-secret red --overlap 7d
  curfew client list --json
""",
)
def client() -> None:
    """Register and change relying parties."""


@client.command("list", epilog="Example: curfew client list --json")
@limit_option(1000)
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
        from provider.cli.client_problems import show_problems

        show_problems(known, as_json=as_json)
    else:
        owner = {"configuration": owned_objects.owner_of("client", known.id)}
        show_json(as_wire(known) | owner) if as_json else show_record(for_people(known) | owner)


@client.command(epilog="Example: curfew client remove red --yes")
@click.argument("client_id")
@click.option("--yes", is_flag=True, help="Skip the confirmation.")
@json_option
@with_app
def remove(*, client_id: str, yes: bool, as_json: bool) -> None:
    """Remove a client and revoke everything issued to it; pending notifications are still delivered."""
    from provider.administration import clients

    known = queries.get_by_client_id(client_id)
    confirm(f"Remove {known.display_name} ({client_id})?", yes=yes)
    with transaction():
        known = queries.lock(client_id)
        clients.remove(known)
    if as_json:
        show_json({"client_id": client_id, "deleted_at": known.deleted_at})
    else:
        say(f"Removed {client_id}.")


def _row(known: Client) -> tuple[object, ...]:
    metadata = known.metadata_
    kind = f"{'public' if metadata.is_public else 'confidential'} {metadata.application_type}"
    return (
        f"{kind}, {'first' if known.first_party else 'third'} party",
        known.deliver_to or metadata.backchannel_logout_uri,
        "enabled" if known.disabled_at is None else "disabled",
        known.created_at,
    )

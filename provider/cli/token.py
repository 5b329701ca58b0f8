"""`curfew token`: service tokens, which clients obtain for themselves and which no sign-out ends."""

from typing import Any
from uuid import UUID

import click

from provider.administration import service_tokens
from provider.cli.confirm import confirm
from provider.cli.context import with_app
from provider.cli.output import json_option, limit_option, show_json, show_table
from provider.cli.plain_text import say
from provider.clients import queries as clients
from provider.clients.models import Client
from provider.infrastructure.database import reading, transaction
from provider.tokens import service
from provider.tokens.models import AccessToken


@click.group(
    epilog="""\b
Examples:
  curfew token list --client reports
  curfew token revoke 0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60
  curfew token revoke --client reports --yes

A service token is issued to a client for itself by the client credentials grant. Tokens that an app holds for
a person end with that person's sessions and grants instead.
"""
)
def token() -> None:
    """List and revoke service tokens."""


@token.command("list", epilog="Example: curfew token list --client reports --json")
@click.option("--client", "client_id", help="Only the tokens of this client.")
@limit_option()
@json_option
@with_app
def list_(*, client_id: str | None, limit: int, as_json: bool) -> None:
    """List the active service tokens, newest first."""
    client = clients.get_by_client_id(client_id) if client_id else None
    found = [as_record(one, owner) for one, owner in service.list_valid(client, limit=limit)]
    if as_json:
        show_json(found)
        return
    rows = [
        (
            one["id"],
            one["client_id"],
            one["scope"],
            " ".join(one["audience"]),
            one["created_at"],
            one["expires_at"],
        )
        for one in found
    ]
    columns = ("Token", "Client", "Scope", "Audience", "Issued", "Expires")
    show_table(columns, rows, empty="No service tokens.")


@token.command(epilog="Example: curfew token revoke --client reports --yes")
@click.argument("token_id", type=click.UUID, required=False)
@click.option("--client", "client_id", help="All service tokens of this client.")
@click.option("--yes", is_flag=True, help="Skip the confirmation when revoking all tokens of a client.")
@json_option
@with_app
def revoke(*, token_id: UUID | None, client_id: str | None, yes: bool, as_json: bool) -> None:
    """Revoke one service token, or all of a client; the next request with it is refused."""
    if (token_id is None) == (client_id is None):
        raise click.UsageError("name either a token or --client")
    if client_id is not None:
        with reading():
            count = service.count_valid(clients.get_by_client_id(client_id))
        confirm(f"Revoke {count} service token(s) of {client_id}?", yes=yes)
    with transaction():
        if token_id is not None:
            owner, revoked = service_tokens.revoke(token_id).client_id, 1
        else:
            owner = client_id or ""
            revoked = service_tokens.revoke_all(owner)
    if as_json:
        show_json({"client_id": owner, "revoked": revoked})
    else:
        say(f"Revoked {revoked} service token(s) of {owner}.")


def as_record(one: AccessToken, owner: Client) -> dict[str, Any]:
    """Return everything about a token that may be shown; never its digest."""
    return {
        "id": one.id,
        "client_id": owner.client_id,
        "scope": one.scope,
        "audience": one.audience or [],
        "bound_to": sorted(one.cnf or {}),
        "created_at": one.created_at,
        "expires_at": one.expires_at,
    }

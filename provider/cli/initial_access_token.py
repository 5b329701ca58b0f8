"""`curfew initial-access-token`: tokens for client registration where it is not open to everyone."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import click

from provider.administration import initial_access_tokens
from provider.cli.client_options import Span
from provider.cli.context import with_app
from provider.cli.output import json_option, limit_option, show_json, show_secret, show_table
from provider.cli.plain_text import say
from provider.clients import initial_access
from provider.clients.models import InitialAccessToken
from provider.infrastructure import clock
from provider.infrastructure.database import transaction

_SHOWN = (
    "id",
    "name",
    "most_uses",
    "uses",
    "created_at",
    "last_used_at",
    "expires_at",
    "revoked_at",
)


@click.group(
    "initial-access-token",
    epilog="""\b
Examples:
  curfew initial-access-token create --name "Ben of green" --lifetime 7d
  curfew initial-access-token list
  curfew initial-access-token revoke 0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60

Tokens are required when CURFEW_REGISTRATION is token, and accepted unless it is off.
""",
)
def initial_access_token() -> None:
    """Create and revoke tokens for client registration."""


@initial_access_token.command(
    epilog="""\b
Examples:
  curfew initial-access-token create --name "Ben of green"
  curfew initial-access-token create --uses 10 --lifetime 30d --json
  curfew initial-access-token create --unlimited --name "our own pipeline"
"""
)
@click.option("--name", help="Label of the token, such as the developer's name.")
@click.option(
    "--uses",
    type=click.IntRange(1, 1_000_000),
    default=1,
    show_default=True,
    help="Number of registrations that the token allows.",
)
@click.option("--unlimited", is_flag=True, help="Allow any number of registrations.")
@click.option(
    "--lifetime",
    type=Span(),
    help="Lifetime of the token, such as 7d; by default it is valid until used up.",
)
@json_option
@with_app
def create(
    *, name: str | None, uses: int, unlimited: bool, lifetime: timedelta | str | None, as_json: bool
) -> None:
    """Create a token; it is shown once."""
    expires_at = clock.now() + lifetime if isinstance(lifetime, timedelta) else None
    with transaction():
        made, token = initial_access_tokens.create(
            name=name, most_uses=None if unlimited else uses, expires_at=expires_at
        )
    if as_json:
        show_json(as_record(made) | {"initial_access_token": token})
    else:
        say(f"id: {made.id}")
        show_secret("initial_access_token", token)


@initial_access_token.command(
    "list",
    epilog="""\b
Examples:
  curfew initial-access-token list --json
""",
)
@limit_option(1000)
@json_option
@with_app
def list_(*, limit: int, as_json: bool) -> None:
    """List the tokens, oldest first, with their state."""
    found = initial_access.list_tokens(limit)
    if as_json:
        show_json([as_record(one) for one in found])
        return
    rows = [
        (one.id, one.name, _state(one), f"{one.uses} of {one.most_uses or 'any'}", one.expires_at)
        for one in found
    ]
    show_table(("Token", "Name", "State", "Used", "Expires"), rows, empty="No initial access tokens.")


@initial_access_token.command(
    epilog="""\b
Examples:
  curfew initial-access-token revoke 0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60
"""
)
@click.argument("token_id", type=click.UUID)
@json_option
@with_app
def revoke(*, token_id: UUID, as_json: bool) -> None:
    """Revoke a token; clients registered with it stay."""
    with transaction():
        initial_access_tokens.revoke(token_id)
    if as_json:
        show_json({"id": token_id, "revoked": True})
    else:
        say(f"Revoked {token_id}.")


def as_record(one: InitialAccessToken) -> dict[str, Any]:
    """Return everything about a token that may be shown."""
    return {name: getattr(one, name) for name in _SHOWN} | {"state": _state(one)}


def _state(one: InitialAccessToken) -> str:
    if one.revoked_at is not None:
        return "revoked"
    if initial_access.is_spent(one):
        return "used up"
    return "expired" if one.expires_at is not None and one.expires_at <= clock.now() else "good"

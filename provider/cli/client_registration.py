"""`curfew client registration-token`: let a client change its own registration, or no longer."""

import click

from provider.administration import client_credentials
from provider.cli.composition import composed
from provider.cli.context import with_app
from provider.cli.output import json_option, show_json, show_secret
from provider.cli.plain_text import say
from provider.clients import queries
from provider.infrastructure import current
from provider.infrastructure.database import transaction


@click.command(
    "registration-token",
    epilog="""\b
Examples:
  curfew client registration-token red            for a client that has lost its own
  curfew client registration-token red --revoke   only you can change the client from now on
""",
)
@click.argument("client_id")
@click.option("--revoke", is_flag=True, help="Revoke the token instead.")
@json_option
@with_app
def registration_token_(*, client_id: str, revoke: bool, as_json: bool) -> None:
    """Issue a new registration access token to a client; the previous one is revoked.

    With it the client reads, replaces and removes its registration (rfc7592).
    """
    with transaction():
        known = queries.get_by_client_id(client_id)
        token = None
        if revoke:
            client_credentials.revoke_registration_token(known)
        else:
            token = client_credentials.give_registration_token(known)
    uri = f"{current.settings().issuer}{composed().routes().path_of('endpoints.register')}/{client_id}"
    if as_json:
        given = {"registration_access_token": token, "registration_client_uri": uri} if token else {}
        show_json({"client_id": client_id} | given)
    elif token:
        say(f"registration_client_uri: {uri}")
        show_secret("registration_access_token", token)
    else:
        say(f"{client_id} can now be changed only by you.")

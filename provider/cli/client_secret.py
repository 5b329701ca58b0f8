"""`curfew client rotate-secret`: replace a client's secret."""

import sys

import click

from provider.administration import client_credentials
from provider.cli.client_view import show_changed
from provider.cli.context import with_app
from provider.cli.output import json_option
from provider.cli.plain_text import say
from provider.clients import queries
from provider.config.values import read_timedelta
from provider.infrastructure.database import transaction

keep_tokens_option = click.option(
    "--keep-tokens", is_flag=True, help="Keep the client's service tokens until they expire."
)


@click.command("rotate-secret", epilog="Example: curfew client rotate-secret red --overlap 7d")
@click.argument("client_id")
@click.option("--client-secret", help="The new secret, or - for standard input; generated if omitted.")
@click.option(
    "--overlap",
    default="1d",
    show_default=True,
    help="How long the old secret still works; 0 revokes it at once.",
)
@keep_tokens_option
@json_option
@with_app
def rotate_secret_(
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
    given_secret = read_secret(client_secret)
    with transaction():
        known = queries.get_by_client_id(client_id)
        rotated = client_credentials.rotate_secret(
            known, secret=given_secret, overlap=span, keep_tokens=keep_tokens
        )
    ended = rotated.service_tokens_ended
    shown_secret = None if client_secret else rotated.secret
    show_changed(known, shown_secret, as_json=as_json, service_tokens_ended=ended)
    if ended and not as_json:
        say(f"Service tokens ended: {ended}.")


def read_secret(given: str | None) -> str | None:
    """Return the secret given by an option, reading standard input for `-`; None means to generate one."""
    return sys.stdin.readline().rstrip("\r\n") if given == "-" else given

"""`curfew dev`: a provider for a developer's machine or a CI job, without settings."""

import os
from pathlib import Path
from typing import Any

import click

from provider.cli.composition import composed
from provider.cli.context import fail
from provider.cli.output import json_option
from provider.cli.plain_text import say, say_json

DEFAULT_PORT = 8900
# Variables that are no settings: the command itself or recipes read them.
_NO_SETTINGS = frozenset({"CURFEW_AS", "CURFEW_CLIENT_SECRET"})


@click.command(
    epilog="""\b
Examples:
  curfew dev
  curfew dev --backchannel-logout-uri http://localhost:3000/backchannel-logout
  curfew dev --port 0 --json                 any free port, for a CI job
  curfew dev --data .curfew-dev              keeps its data for the next start

It listens on this machine alone, and its passwords and secrets are printed: never use it for real people.
"""
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port to listen on; 0 takes any free one.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that keeps the data; by default a new one, which is removed at the end.",
)
@click.option(
    "--backchannel-logout-uri",
    metavar="URL",
    help="Where the two ready-made clients are notified of sign-outs.",
)
@click.option(
    "--stop-at-eof", is_flag=True, help="Stop at the end of standard input, for a program that starts it."
)
@json_option
def dev(
    *, port: int, data: Path | None, backchannel_logout_uri: str | None, stop_at_eof: bool, as_json: bool
) -> None:
    """Run a provider with test people and apps on this machine, to develop and test an app against."""
    ignored = sorted(name for name in os.environ if name.startswith("CURFEW_") and name not in _NO_SETTINGS)
    if ignored:
        say(f"curfew dev: has settings of its own and ignores {', '.join(ignored)}", err=True)
    composed().run_dev(
        port,
        data,
        backchannel_logout_uri,
        stop_at_eof,
        _announce_json if as_json else _announce,
        fail,
    )


def _announce_json(about: dict[str, Any]) -> None:
    say_json(about)


def _announce(about: dict[str, Any]) -> None:
    people = ", ".join(person["username"] for person in about["people"])
    confidential, public = about["clients"]
    say("For development only: reached from this machine alone, and all passwords and secrets are public.\n")
    for name, value in (
        ("Issuer", about["issuer"]),
        ("Page", about["page"]),
        ("API", about["api"]),
        ("People", f"{people}; password {about['people'][0]['password']}"),
        ("App", f"client_id {confidential['client_id']}, client_secret {confidential['client_secret']}"),
        ("Public app", f"client_id {public['client_id']}"),
    ):
        say(f"  {name:<11}{value}")
    say("\nBoth apps take any redirect URI on localhost, 127.0.0.1 or [::1]. Ctrl-C stops.")

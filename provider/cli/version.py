"""`curfew version`: what is installed here."""

import platform
from importlib.metadata import version as version_of

import click

from provider.cli.output import json_option, show_json, show_record
from provider.infrastructure import schema


@click.command(
    epilog="""\b
Examples:
  curfew version
  curfew version --json
"""
)
@json_option
def version(*, as_json: bool) -> None:
    """Show the version, its Python, and the database revision that it requires.

    It reads neither settings nor the database; `curfew db current` does.
    """
    shown = {
        "version": version_of("curfew-op"),
        "python": platform.python_version(),
        "database_revision": schema.newest_revision(),
    }
    if as_json:
        show_json(shown)
    else:
        show_record(shown)

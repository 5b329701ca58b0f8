"""`curfew settings`: every setting with its value, its source and its meaning."""

from dataclasses import asdict

import click

from provider.cli.context import WRONG_SETTINGS, fail
from provider.cli.output import json_option, show_json, show_table
from provider.config import WrongSettings, describe_settings, load_settings


@click.command(
    epilog="""\b
Examples:
  curfew settings
  curfew settings --json
  CURFEW_ISSUER=https://id.example curfew settings
"""
)
@json_option
def settings(*, as_json: bool) -> None:
    """Show every setting; all wrong ones are told together, with exit code 2."""
    try:
        views = describe_settings(load_settings())
    except WrongSettings as exc:
        fail(*exc.problems, code=WRONG_SETTINGS)
    if as_json:
        show_json([asdict(view) for view in views])
        return
    rows = [(view.variable, view.value, view.source, view.meaning) for view in views]
    show_table(("Variable", "Value", "Source", "Meaning"), rows, empty="There are no settings.")

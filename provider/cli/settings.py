"""`curfew settings`: each setting with its value, source and meaning, and warnings about unsafe values."""

import os
import sys
from dataclasses import asdict
from pathlib import Path

import click

from provider.cli.context import WRONG_SETTINGS, application, fail
from provider.cli.output import json_option, show_json, show_table
from provider.cli.plain_text import say
from provider.config import SettingView, WrongSettings, describe_settings, load_settings
from provider.config.unwise import Unwise, unwise_file, unwise_settings

UNWISE = 1


@click.command(
    epilog="""\b
Examples:
  curfew settings
  curfew settings --json
  CURFEW_ISSUER=https://id.example curfew settings
  curfew settings --problems               what to change before production
Exit codes with --problems: 0 no problems, 1 problems found.
"""
)
@click.option(
    "--problems",
    is_flag=True,
    help="List problems for production use: unsafe settings, no worker, clocks that differ.",
)
@json_option
def settings(*, problems: bool, as_json: bool) -> None:
    """Show every setting; all invalid ones are reported together, with exit code 2."""
    try:
        views = describe_settings(load_settings())
    except WrongSettings as exc:
        fail(*exc.problems, code=WRONG_SETTINGS)
    if problems:
        _show_problems(_list_problems(views), as_json=as_json)
    elif as_json:
        show_json([asdict(view) for view in views])
    else:
        rows = [(view.variable, view.value, view.source, view.meaning) for view in views]
        show_table(("Variable", "Value", "Source", "Meaning"), rows, empty="There are no settings.")


def _list_problems(views: list[SettingView]) -> list[Unwise]:
    from provider.infrastructure import current
    from provider.infrastructure.database import db
    from provider.inspection.production import unwise_installation

    path = os.environ.get("CURFEW_CONFIG")
    found = list(unwise_file(views, Path(path))) if path else []
    with application(migrated=False):
        return [*found, *unwise_settings(current.settings()), *unwise_installation(db.engine)]


def _show_problems(found: list[Unwise], *, as_json: bool) -> None:
    if as_json:
        show_json([asdict(one) for one in found])
    else:
        for one in found:
            say(f"{one.subject}: {one.problem}.\n  {one.cure[:1].upper()}{one.cure[1:]}.")
        say(f"{len(found)} problem(s) to fix before production." if found else "No problems found.")
    sys.exit(UNWISE if found else 0)

"""The page about settings, from their declarations."""

from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from docs.reference_pages.markdown import page as markdown_page
from provider.config import Settings, describe_settings

_KINDS: dict[Any, str] = {
    str: "text",
    int: "number",
    bool: "`true` or `false`",
    Path: "path",
    Path | None: "path",
    timedelta: "time span",
    tuple[str, ...]: "list",
    tuple[timedelta, ...]: "list of time spans",
}
_ABOUT = """\
Each setting is an environment variable, or, without `CURFEW_` and in lower case, a name in the TOML file
that `CURFEW_CONFIG` names; a variable overrides the file. The process does not start with a wrong value, and
reports all wrong values at once. `curfew settings` shows the values in force and their sources,
`curfew settings --problems` those that are unsafe in production.

Time spans are written like `90s`, `1h 30m`, `250ms` or `180d`; lists are separated by commas."""


def page() -> str:
    """Return the page."""
    kinds = {declared.name: _KINDS[declared.type] for declared in fields(Settings)}
    parts = []
    for view in describe_settings(Settings(), environ={}):
        default = f"Default: `{view.default}`." if view.default else "Empty by default."
        parts += [f"## `{view.variable}`", view.meaning, f"Kind: {kinds[view.name]}. {default}"]
    return markdown_page("Settings", _ABOUT, *parts)

"""The page about the command, from its tree of commands and options."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import click

from docs.reference_pages.markdown import block, code, table
from docs.reference_pages.markdown import page as markdown_page
from provider.cli import main
from provider.cli.context import EXIT_CODES

_ABOUT = """\
`curfew` administers and runs the provider. Settings come from `CURFEW_…` variables or from the file that
`CURFEW_CONFIG` names. Commands with `--json` print JSON for programs; results go to standard output, messages
to standard error. Every command has `--help`."""


def page() -> str:
    """Return the page."""
    codes = table(("Code", "Meaning"), [(str(number), meaning) for number, meaning in EXIT_CODES.items()])
    return markdown_page(
        "Command",
        _ABOUT,
        "## Exit codes",
        codes,
        *(part for path, command in _walk((), main) for part in _section(path, command)),
    )


def _walk(path: tuple[str, ...], command: click.Command) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from _walk((*path, name), below)


def _section(path: tuple[str, ...], command: click.Command) -> Iterator[str]:
    name = " ".join(("curfew", *path))
    context = click.Context(command, info_name=name)
    yield f"{'#' * min(len(path) + 2, 4)} `{name}`"
    yield _prose(command.help or "")
    yield block(" ".join([name, *command.collect_usage_pieces(context)]))
    yield table(
        ("Option", "Meaning", "Default"),
        [_option(option, context) for option in command.params if isinstance(option, click.Option)],
    )
    yield block(_plain(command.epilog)) if command.epilog else ""


def _prose(text: str) -> str:
    """Return help as paragraphs; click leaves those alone that begin with a mark."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(text))
    return "\n\n".join(
        block(_plain(paragraph)) if paragraph.startswith("\b") else " ".join(paragraph.split())
        for paragraph in paragraphs
    )


def _plain(text: str) -> str:
    return inspect.cleandoc(text.replace("\b\n", "").strip("\n"))


def _option(option: click.Option, context: click.Context) -> tuple[str, str, str]:
    names = ", ".join([*option.opts, *option.secondary_opts])
    value = "" if option.is_flag or option.count else f" {option.make_metavar(context)}"
    notes = [option.help or ""]
    if option.required:
        notes.append("Required.")
    if option.multiple:
        notes.append("May be given several times.")
    if option.envvar:
        notes.append(f"Also from `{option.envvar}`.")
    return code(f"{names}{value}"), " ".join(notes), code(_default(option.to_info_dict()["default"], option))


def _default(value: Any, option: click.Option) -> str:
    if option.is_flag and not option.secondary_opts:
        return ""
    if isinstance(value, bool):
        # Of the two names of a switch, the one that holds when neither is given.
        return (option.opts if value else option.secondary_opts)[0]
    return "" if value in (None, ()) else str(value)

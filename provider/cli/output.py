"""The output of commands: tables for people, JSON for programs."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provider.cli.plain_text import neutral, neutral_json, say
from provider.config.values import write_timedelta

if TYPE_CHECKING:
    from rich.console import Console

F = TypeVar("F", bound=Callable[..., Any])
# Wide enough that nothing is truncated in a file or a pipe.
_WIDTH_OF_A_PIPE = 400


def json_option(command: F) -> F:
    """Give a command the option --json as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def limit_option(default: int = 100, *, most: int = 10_000) -> Callable[[F], F]:
    """Give a command the option --limit."""
    return click.option(
        "--limit",
        type=click.IntRange(1, most),
        default=default,
        show_default=True,
        help="Maximum results.",
    )


def show_json(value: object) -> None:
    """Write a value as JSON; instants in ISO 8601, spans in seconds."""
    click.echo(neutral_json(value, indent=2, default=_plain))


def show_document(text: str) -> None:
    """Write a document as it is: its maker has already made it safe to print, such as YAML with escapes."""
    click.echo(text, nl=not text.endswith("\n"))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Write rows as a table, or one sentence when there are none."""
    listed = list(rows)
    if not listed:
        say(empty)
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in listed:
        # Text instead of markup: registered names must not be able to style the terminal.
        table.add_row(*(Text(_readable(value)) for value in row))
    _console().print(table)


def show_record(record: Mapping[str, object]) -> None:
    """Write one object as a table of names and values, without empty values."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in record.items():
        if value not in (None, "", (), []):
            table.add_row(Text(name), Text(_readable(value)))
    _console().print(table)


def show_secret(name: str, secret: str) -> None:
    """Write a secret, and on standard error the remark that it is shown only once."""
    say(f"{name}: {secret}")
    say(f"The {name} is shown only once.", err=True)


def _console() -> "Console":
    from rich.console import Console

    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE, highlight=False)


def _readable(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")
        case timedelta():
            return write_timedelta(value)
        case dict():
            return neutral_json(value, default=_plain)
        case list() | tuple() | set() | frozenset():
            return "\n".join(map(_readable, value))
    return neutral(str(value))


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case set() | frozenset():
            return sorted(value)
    return str(value)

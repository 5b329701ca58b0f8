"""Confirmation before something is lost."""

import sys

import click

from provider.cli.plain_text import neutral


def confirm(question: str, *, yes: bool) -> None:
    """Ask a person at a terminal, never a program. Exits with code 1 on a no."""
    if not yes and sys.stdin.isatty():
        click.confirm(neutral(question), abort=True)


def demand(question: str, *, yes: bool, effect: str = "this ends many sessions at once") -> None:
    """Ask before an act that affects many people; without a terminal, --yes is required."""
    if not yes and not sys.stdin.isatty():
        raise click.UsageError(f"{effect}: use --yes when running without a terminal")
    confirm(question, yes=yes)

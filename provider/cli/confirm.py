"""Asking before something is lost."""

import sys

import click

from provider.cli.plain_text import neutral


def confirm(question: str, *, yes: bool) -> None:
    """Ask a person at a terminal; a program has no doubts. Leaves with exit code 1 on a no."""
    if not yes and sys.stdin.isatty():
        click.confirm(neutral(question), abort=True)


def demand(question: str, *, yes: bool, effect: str = "this ends many sessions at once") -> None:
    """Ask before something that many people feel; who cannot be asked must have said --yes."""
    if not yes and not sys.stdin.isatty():
        raise click.UsageError(f"{effect}: use --yes when running without a terminal")
    confirm(question, yes=yes)

"""Asking before something is lost."""

import sys

import click


def confirm(question: str, *, yes: bool) -> None:
    """Ask a person at a terminal; a program has no doubts. Leaves with exit code 1 on a no."""
    if not yes and sys.stdin.isatty():
        click.confirm(question, abort=True)

"""Input of `curfew user`: claims as name=value or as JSON, passwords from standard input."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO, TypeVar

import click

from provider.accounts.claims import BOOLEAN_CLAIMS
from provider.cli.json_file import read_object

F = TypeVar("F", bound=Callable[..., Any])
_BOOLEANS = {"true": True, "false": False}


def claim_options(command: F) -> F:
    """Give a command the options --claim and --claims-json."""
    command = click.option(
        "--claims-json", type=click.File(encoding="utf-8"), help="A file with claims as a JSON object."
    )(command)
    return click.option(
        "--claim",
        multiple=True,
        metavar="NAME=VALUE",
        help="A standard claim, such as name=Ada or address.locality=London; an empty value removes it.",
    )(command)


def changed_claims(
    before: Mapping[str, Any], document: TextIO | None, pairs: Sequence[str]
) -> dict[str, Any]:
    """Return the claims with the document applied first, then the pairs."""
    after = dict(before)
    if document is not None:
        after |= read_object(document, "--claims-json")
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{pair!r} is not NAME=VALUE", param_hint="--claim")
        _apply(after, name.strip(), text)
    return {name: value for name, value in after.items() if value is not None}


def read_password() -> str:
    """Read a password: hidden and twice from a terminal, else one line; only its line ending is removed."""
    if sys.stdin.isatty():
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return typed
    line = sys.stdin.readline()
    if not line:
        raise click.UsageError("the password is read from standard input, which is empty")
    return line.removesuffix("\n").removesuffix("\r")


def _apply(claims: dict[str, Any], name: str, text: str) -> None:
    parent, dot, member = name.partition(".")
    if dot:
        inner = dict(claims.get(parent) or {})
        inner[member] = text or None
        claims[parent] = {key: value for key, value in inner.items() if value is not None} or None
    elif name in BOOLEAN_CLAIMS and text:
        # Any other word stays a text, which validation refuses with the claim's name.
        claims[name] = _BOOLEANS.get(text.lower(), text)
    else:
        claims[name] = text or None

"""Makes untrusted text safe for a terminal: it must not move the cursor or reorder the line.

Operators see names that clients registered, addresses and error messages in their terminal. Control
characters (C0, C1, DEL) can drive it, and bidirectional controls make a line read as another one.
"""

import json
from typing import Any

import click


def neutral(text: str) -> str:
    """Return a text in which a replacement character stands for each unprintable one; line feeds stay."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def neutral_json(value: object, *, indent: int | None = None, default: Any = str) -> str:
    """Return a value as JSON with unprintable characters escaped, which programs read as the same value."""
    written = json.dumps(value, indent=indent, default=default, ensure_ascii=False)
    # Line feeds occur only in the indentation; those inside values are already escaped.
    return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in written)


def say(text: str = "", *, err: bool = False) -> None:
    """Write a line for a person."""
    click.echo(neutral(text), err=err)


def say_json(value: object) -> None:
    """Write a value as one line of JSON for a program."""
    click.echo(neutral_json(value))


def _escaped(character: str) -> str:
    """Escape a character for JSON (rfc8259 §7); one beyond the BMP becomes a pair of surrogates."""
    return json.dumps(character)[1:-1] if ord(character) > 0x7F else f"\\u{ord(character):04x}"

"""Text from outside on its way to a terminal: nothing in it may move the cursor or reorder the line.

Names that clients registered, addresses and error messages reach an operator's terminal. Control characters
(C0, C1, DEL) can drive it, and bidirectional controls make a line read as another one.
"""

import json
from typing import Any

import click


def neutral(text: str) -> str:
    """Return a text with a replacement character for each one that is not printable; line feeds stay."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def neutral_json(value: object, *, indent: int | None = None, default: Any = str) -> str:
    """Return a value as JSON in which what is not printable is escaped: programs read the same value."""
    written = json.dumps(value, indent=indent, default=default, ensure_ascii=False)
    # Only the line feeds of the indentation stand between the values; those within are escaped already.
    return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in written)


def say(text: str = "", *, err: bool = False) -> None:
    """Write a line for a person."""
    click.echo(neutral(text), err=err)


def say_json(value: object) -> None:
    """Write a value as one line of JSON for a program."""
    click.echo(neutral_json(value))


def _escaped(character: str) -> str:
    """Escape a character as JSON has it (rfc8259 §7): beyond the BMP as a pair of surrogates."""
    return json.dumps(character)[1:-1] if ord(character) > 0x7F else f"\\u{ord(character):04x}"

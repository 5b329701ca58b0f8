"""JSON that a command takes from a file or from standard input."""

from typing import Any, TextIO

import click

from provider.protocol import strict_json


def read_object(document: TextIO, option: str) -> dict[str, Any]:
    """Return the JSON object of a document, read as strictly as one from outside."""
    try:
        return strict_json.load_object(document.read())
    except ValueError as exc:
        # Text that is not UTF-8 fails while it is read.
        why = exc if isinstance(exc, strict_json.MalformedJSON) else "it is not UTF-8"
        raise click.BadParameter(f"is not a JSON object: {why}", param_hint=option) from exc

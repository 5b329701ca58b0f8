"""Reads JSON from a file or from standard input."""

from typing import Any, TextIO

import click

from provider.protocol import strict_json


def read_object(document: TextIO, option: str) -> dict[str, Any]:
    """Return the JSON object in a document, parsed as strictly as untrusted input."""
    try:
        return strict_json.load_object(document.read())
    except ValueError as exc:
        # Text that is not UTF-8 raises ValueError during the read.
        why = exc if isinstance(exc, strict_json.MalformedJSON) else "it is not UTF-8"
        raise click.BadParameter(f"is not a JSON object: {why}", param_hint=option) from exc

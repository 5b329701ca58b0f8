"""`curfew logout receipt`: a signed document of what a logout ended and which app confirmed it."""

import json
from pathlib import Path
from uuid import UUID

import click

from provider.cli.context import fail, with_app
from provider.cli.output import show_document
from provider.cli.plain_text import say
from provider.infrastructure.database import reading
from provider.inspection.receipt import make
from provider.keys.jwks import published_jwks


@click.command(
    epilog="""\b
Examples:
  curfew logout receipt 0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60
  curfew logout receipt 0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60 --output receipt.jwt --jwks keys.json
  curfew receipt verify receipt.jwt --jwks keys.json
"""
)
@click.argument("logout_id", type=click.UUID)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file.")
@click.option(
    "--jwks",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the published keys to this file: once its key is rotated, only a copy verifies it.",
)
@with_app
def receipt(*, logout_id: UUID, output: Path | None, jwks: Path | None) -> None:
    """Make a signed receipt of a logout, which `curfew receipt verify` checks without a database.

    It says what ended and survived, and of each app whether and when it confirmed which token, as of now.
    People appear by identifiers alone.
    """
    with reading():
        made = make(logout_id)
    if made is None:
        fail(f"there is no logout {logout_id}")
    if jwks is not None:
        _write(jwks, json.dumps(published_jwks(), indent=2))
    if output is None:
        show_document(made.jws)
        return
    _write(output, made.jws)
    say(f"Wrote {output}. Verify it with `curfew receipt verify`, and keep the published keys with it.")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n")
    except OSError as exc:
        fail(f"{path} cannot be written: {exc.strerror}")

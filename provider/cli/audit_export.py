"""`curfew audit export`: the audit as a stream of JSON lines, for a SIEM."""

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TextIO
from uuid import UUID

import click

from provider.audit.export import Format, as_exported, stream
from provider.audit.models import AuditEvent
from provider.audit.queries import find
from provider.cli.context import fail, with_app
from provider.cli.instants import read_instant, read_since
from provider.cli.plain_text import neutral_json
from provider.infrastructure.database import reading


@click.command(
    epilog="""\b
Examples:
  curfew audit export --since 24h > audit.jsonl
  curfew audit export --format ocsf --cursor audit.cursor --output audit.ocsf
"""
)
@click.option(
    "--format",
    "form",
    type=click.Choice([one.value for one in Format]),
    default=Format.PLAIN.value,
    show_default=True,
    help="Entries as they are, or as events of OCSF 1.3.",
)
@click.option("--since", type=read_since, metavar="SPAN|INSTANT", help="How far back, or since when.")
@click.option(
    "--until", callback=lambda _c, _p, text: read_instant(text) if text else None, help="Before this instant."
)
@click.option("--after", type=click.UUID, help="Begin behind this entry.")
@click.option(
    "--cursor",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Begin behind the entry that this file names, and write the last one into it.",
)
@click.option("--output", type=click.File("a", encoding="utf-8"), help="Add the lines to this file.")
@with_app
def export(
    *,
    form: str,
    since: datetime | None,
    until: datetime | None,
    after: UUID | None,
    cursor: Path | None,
    output: TextIO | None,
) -> None:
    """Write audit entries as JSON lines, oldest first; each line is one entry.

    Entries of the last ten seconds are left for the next time, so that none is missed that is committed late.
    """
    begin = _begin(after, cursor)
    events = stream(after=begin, since=since, until=until)
    last = _write(events, Format(form), output or sys.stdout)
    if cursor is not None and last is not None:
        cursor.write_text(f"{last}\n")


def _write(events: Iterator[AuditEvent], form: Format, out: TextIO) -> UUID | None:
    """Write entries as they are read, and return the identifier of the last one."""
    last = None
    for event in events:
        out.write(neutral_json(as_exported(event, form)) + "\n")
        last = event.id
    out.flush()
    return last


def _begin(after: UUID | None, cursor: Path | None) -> AuditEvent | None:
    if cursor is not None and after is None and cursor.exists():
        try:
            after = UUID(cursor.read_text().strip())
        except ValueError:
            fail(f"{cursor} holds no cursor: delete it to begin anew")
    if after is None:
        return None
    with reading():
        found = find(after)
    if found is None:
        fail(f"there is no audit entry {after}, or it was pruned: begin by --since")
    return found

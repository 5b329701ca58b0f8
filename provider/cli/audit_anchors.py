"""`curfew audit anchor` and `anchors`: copies of the end of the chain that are kept outside the database."""

import sys
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import click

from provider.audit import anchoring, chain
from provider.audit.anchoring import AnchorState, anchor_at, read_anchors, states
from provider.audit.chain import Link
from provider.cli.context import fail, with_app
from provider.cli.output import json_option, show_json, show_table
from provider.cli.plain_text import say
from provider.infrastructure.database import reading, transaction

FAILED = 1


@click.command(epilog="Example: curfew audit anchor")
@json_option
@with_app
def anchor(*, as_json: bool) -> None:
    """Link all entries and anchor the end of the chain at every target now; exit code 1 if one fails."""
    if not anchoring.targets():
        fail("no anchors are set: CURFEW_AUDIT_ANCHORS says where the end of the chain is kept")
    while True:
        with transaction():
            if not chain.seal():
                break
    with reading():
        known = states()
    anchor_at(known)
    _show(as_json=as_json)


@click.command(epilog="Example: curfew audit anchors --json")
@json_option
@with_app
def anchors(*, as_json: bool) -> None:
    """Show each target of anchors with its last anchor and failure; exit code 1 if one fails."""
    _show(as_json=as_json)


def anchors_of(files: Iterable[BinaryIO]) -> Iterator[Link]:
    """Yield the anchors in the given files, and in the configured anchor files on this host."""
    for file in files:
        found = read_anchors(file.read())
        if not found:
            fail(f"{file.name} holds no anchor")
        yield from found
    for target in anchoring.targets():
        if target.kind == "file" and target.path is not None:
            try:
                yield from read_anchors(target.path.read_bytes())
            except OSError as exc:
                say(f"curfew: {target.path} was not compared: {exc.strerror}", err=True)


def say_what_fails(found: Iterable[AnchorState]) -> None:
    """Write a line to standard error for each failing target, with the reason and the fix."""
    for one in found:
        if one.is_failing:
            say(f"curfew: {one.target.name}: {one.reason}; {one.cure}", err=True)


def _show(*, as_json: bool) -> None:
    with reading():
        found = states()
    if as_json:
        show_json([_record(one) for one in found])
    else:
        rows = [list(_record(one).values()) for one in found]
        columns = ("Target", "Entry", "Anchored at", "Failing", "Failing since", "Why")
        show_table(columns, rows, empty="No anchors are set (CURFEW_AUDIT_ANCHORS).")
        say_what_fails(found)
    if any(one.is_failing for one in found):
        sys.exit(FAILED)


def _record(one: AnchorState) -> dict[str, object]:
    return {
        "target": one.target.name,
        "seq": one.link.seq if one.link else None,
        "anchored_at": one.anchored_at,
        "failing": one.is_failing,
        "failing_since": one.failing_since,
        "failure": one.reason,
    }

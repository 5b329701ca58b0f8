"""`curfew audit`: read the audit log, and verify that it was not altered."""

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, BinaryIO
from uuid import UUID

import click

from provider.accounts.queries import get_by_username
from provider.audit import anchoring, chain, queries
from provider.audit.chain import Link
from provider.audit.models import AuditEvent
from provider.audit.tags import EventTag
from provider.audit.verify import Findings
from provider.audit.verify import verify as verify_audit
from provider.cli.audit_anchors import anchor as anchor_command
from provider.cli.audit_anchors import anchors as anchors_command
from provider.cli.audit_anchors import anchors_of, say_what_fails
from provider.cli.audit_export import export
from provider.cli.context import fail, with_app
from provider.cli.instants import read_since
from provider.cli.output import json_option, limit_option, show_json, show_table
from provider.cli.plain_text import say
from provider.infrastructure.database import reading, transaction
from provider.inspection import history

PROBLEMS_FOUND = 1
_NO_ANCHOR = (
    "Compared with no anchor: entries that were removed from the end would not be noticed. "
    "Give anchors that were kept elsewhere with --anchor or --anchors."
)


def read_anchor(text: str) -> Link:
    """Parse the output of `curfew audit head`."""
    try:
        return Link.from_text(text)
    except ValueError as exc:
        raise click.BadParameter(str(exc)) from None


@click.group(
    epilog="""\b
Examples:
  curfew audit list --since 24h --tag logout --tag logout_refused
  curfew audit list --account ada --json
  curfew audit list --by cleo --since 7d
  curfew audit head > /somewhere/else/anchor
  curfew audit verify --anchor "$(cat /somewhere/else/anchor)"
  curfew audit anchors
  curfew audit export --format ocsf --cursor audit.cursor
"""
)
def audit() -> None:
    """Read and verify the audit log."""


@audit.command("list", epilog="Example: curfew audit list --tag logout --since 24h")
@click.option(
    "--tag", "tags", multiple=True, type=click.Choice([tag.value for tag in EventTag]), metavar="TAG"
)
@click.option("--account", help="A user name or an account's id.")
@click.option("--client", "client_id", help="A client_id.")
@click.option("--logout", "logout_id", type=click.UUID, help="A logout's id.")
@click.option("--by", "actor_name", metavar="NAME", help="An operator's name.")
@click.option("--since", type=read_since, metavar="SPAN|INSTANT", help="How far back, or since when.")
@limit_option(most=100_000)
@json_option
@with_app
def list_(
    *,
    tags: tuple[str, ...],
    account: str | None,
    client_id: str | None,
    logout_id: UUID | None,
    actor_name: str | None,
    since: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """Show audit entries, newest first. A tag may be given several times."""
    wanted = queries.Filter(
        tags=tuple(map(EventTag, tags)),
        account_id=_account_id(account) if account else None,
        client_id=client_id,
        logout_id=logout_id,
        actor_name=actor_name,
        since=since,
    )
    rows = [_view(event) for event in queries.list_events(wanted, limit=limit)]
    if as_json:
        show_json(rows)
        return
    columns = ("at", "tag", "actor", "by", "from", "account_id", "client_id")
    show_table(
        (*columns, "detail"),
        [[*((row | _who(row))[column] for column in columns), _in_short(row["detail"])] for row in rows],
        empty="No matching audit entries.",
    )


@audit.command(epilog="Example: curfew audit head --json")
@json_option
@with_app
def head(*, as_json: bool) -> None:
    """Link all entries and print the end of the chain: the anchor for `verify`; keep it elsewhere."""
    while True:
        with transaction():
            if not chain.seal():
                break
    link = chain.head()
    if as_json:
        show_json({"head": str(link) if link else None})
    elif link:
        say(str(link))
    else:
        fail("the audit log is empty")


@audit.command(epilog="Example: curfew audit verify")
@click.option(
    "--anchor", type=read_anchor, metavar="SEQ:CHAIN", help="What `curfew audit head` printed at some time."
)
@click.option(
    "--anchors",
    "files",
    type=click.File("rb"),
    multiple=True,
    help="A file with anchors in its lines: an anchor file, an object, or what a syslog server has kept.",
)
@json_option
@with_app
def verify(*, anchor: Link | None, files: tuple[BinaryIO, ...], as_json: bool) -> None:
    """Check whether any entry was changed, moved or removed; exit code 1 if so.

    A truncated log is detected by comparison with anchors kept elsewhere and with this host's record of the
    database. The files among CURFEW_AUDIT_ANCHORS are read by themselves. An anchor whose entry has been
    pruned proves nothing: keep one that is younger than CURFEW_AUDIT_RETENTION.
    """
    anchors = [*([anchor] if anchor else []), *anchors_of(files)]
    with reading():
        findings, targets = verify_audit(*anchors), anchoring.states()
    seen = history.judge(remember=False)
    if seen.is_older:
        findings = replace(findings, problems=(*findings.problems, seen.sentence))
    if as_json:
        show_json(_findings_view(findings) | {"anchors": len(anchors)})
    else:
        for problem in findings.problems:
            say(problem)
        if anchors:
            newest = max(anchors, key=lambda one: one.seq)
            say(f"Compared with {_count(len(anchors), 'anchor')}, the newest of entry {newest.seq}.")
        else:
            say(_NO_ANCHOR)
        found = findings.problems
        verdict = _count(len(found), "problem") if found else "the log is as it was written"
        if findings.pruned_through:
            say(f"Entries through {findings.pruned_through.seq} were pruned for their age.")
        say_what_fails(targets)
        linked = "1 entry" if findings.linked == 1 else f"{findings.linked} entries"
        say(f"{linked} linked, {findings.not_yet_linked} not yet linked: {verdict}.")
    if findings.problems:
        sys.exit(PROBLEMS_FOUND)


audit.add_command(export)
audit.add_command(anchor_command)
audit.add_command(anchors_command)


def _account_id(named: str) -> UUID:
    """Return an account's id, given the id itself or the user name; a deleted account has only its id."""
    try:
        return UUID(named)
    except ValueError:
        return get_by_username(named).id


def _count(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"


def _findings_view(findings: Findings) -> dict[str, object]:
    return {
        "linked": findings.linked,
        "not_yet_linked": findings.not_yet_linked,
        "head": str(findings.head) if findings.head else None,
        "pruned_through": str(findings.pruned_through) if findings.pruned_through else None,
        "problems": list(findings.problems),
    }


def _who(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"by": row["actor_name"], "from": row["actor_origin"] or row["ip"]}


def _in_short(detail: Mapping[str, Any]) -> str:
    # A whole registration in one cell would make the table unreadable; --json has all of it.
    shown = {name: "{…}" if isinstance(value, dict) else value for name, value in detail.items()}
    return ", ".join(f"{name}={_text(value)}" for name, value in shown.items() if value not in (None, []))


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _view(event: AuditEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "at": event.at,
        "tag": event.tag,
        "actor": event.actor,
        "actor_name": event.actor_name,
        "actor_origin": event.actor_origin,
        "account_id": event.account_id,
        "client_id": event.client_id,
        "session_id": event.session_id,
        "logout_id": event.logout_id,
        "ip": event.ip,
        "correlation_id": event.correlation_id,
        "detail": event.detail,
        "seq": event.seq,
    }

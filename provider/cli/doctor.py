"""`curfew doctor`: does an app's logout endpoint work, and does it accept only valid tokens?"""

import sys
from dataclasses import asdict
from datetime import timedelta

import click

from provider.administration import examinations
from provider.cli.context import with_app
from provider.cli.output import json_option, show_json, show_table
from provider.cli.plain_text import say
from provider.clients.queries import get_by_client_id
from provider.infrastructure.database import reading, transaction
from provider.inspection.doctor import examine
from provider.inspection.findings import Grade, Report

FAILED = 1
_ADVICE = (Grade.WARN, Grade.FAIL, Grade.SKIPPED)


@click.command(
    epilog="""\b
Examples:
  curfew doctor red
  curfew doctor red --json
Exit codes: 0 nothing failed (there may be warnings), 1 something failed.
"""
)
@click.argument("client_id", metavar="CLIENT")
@json_option
@with_app
def doctor(*, client_id: str, as_json: bool) -> None:
    """Try an app's back-channel logout endpoint with good and bad tokens.

    Checks its address, name, certificate and responses. The tokens name people and sessions that do not
    exist, so no one is signed out.
    """
    with reading():
        client = get_by_client_id(client_id)
    report = examine(client)
    with transaction():
        failed = [one.check for one in report.findings if one.grade is Grade.FAIL]
        is_tried = examinations.conclude(client, grade=report.grade, failed=failed)
    if as_json:
        show_json(as_record(report) | {"trial_opened": is_tried})
    else:
        _show(report)
        if is_tried:
            say("Pending notifications to it are being retried now.")
    sys.exit(FAILED if report.grade is Grade.FAIL else 0)


def as_record(report: Report) -> dict[str, object]:
    """Return a report as JSON for programs."""
    return {
        "client_id": report.client_id,
        "url": report.url,
        "grade": report.grade,
        "findings": [asdict(one) for one in report.findings],
    }


def _show(report: Report) -> None:
    rows = [(one.check, one.grade, one.saw, _span(one.latency_ms)) for one in report.findings]
    show_table(("Check", "Grade", "Seen", "Took"), rows, empty="")
    for one in report.findings:
        if one.grade in _ADVICE and (one.meaning or one.fix):
            say(f"{one.grade}: {one.check}\n  {one.meaning}")
            if one.fix:
                say(f"  To fix it: {one.fix}")
    counts = {grade: sum(one.grade is grade for one in report.findings) for grade in Grade}
    say(f"{report.client_id}: " + ", ".join(f"{n} {grade}" for grade, n in counts.items() if n))


def _span(latency_ms: int | None) -> object:
    return None if latency_ms is None else timedelta(milliseconds=latency_ms)

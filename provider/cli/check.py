"""`curfew check`: does the database violate any invariant?"""

import sys
from dataclasses import asdict
from datetime import timedelta

import click

from provider.cli.context import with_app
from provider.cli.output import json_option, show_json, show_table
from provider.cli.plain_text import say
from provider.inspection.check import Finding
from provider.inspection.check import check as check_everything

PROBLEMS_FOUND = 1


@click.command(
    epilog="""\b
Examples:
  curfew check
  curfew check --json
  curfew check --whole-audit
Exit codes: 0 no problems, 1 problems found.
"""
)
@click.option("--whole-audit", is_flag=True, help="Verify every audit entry, not only the newest ones.")
@json_option
@with_app
def check(*, whole_audit: bool, as_json: bool) -> None:
    """Check the database for inconsistencies, such as half-ended sessions or missing notifications.

    It only reads, in small batches, and can run while the provider is in use.
    """
    findings = check_everything(whole_audit=whole_audit)
    wrong = sum(one.wrong for one in findings)
    if as_json:
        show_json({"wrong": wrong, "checks": [asdict(one) for one in findings]})
    else:
        _show(findings)
        say(f"{wrong} rows are wrong." if wrong else "No problems found.")
    sys.exit(PROBLEMS_FOUND if wrong else 0)


def _show(findings: list[Finding]) -> None:
    rows = [(one.name, one.examined, one.wrong, _span(one.seconds)) for one in findings]
    show_table(("Check", "Rows", "Wrong", "Took"), rows, empty="")
    for one in findings:
        if one.wrong:
            say(f"{one.name}: {one.sentence}")
            for example in one.examples:
                say(f"  {example}")
            if one.wrong > len(one.examples):
                say(f"  and {one.wrong - len(one.examples)} more")


def _span(seconds: float) -> timedelta:
    return timedelta(milliseconds=round(seconds * 1000))

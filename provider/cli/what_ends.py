"""The preview of a logout, and the confirmation before it."""

from collections.abc import Callable

import click

from provider.cli.confirm import demand
from provider.cli.output import show_json, show_record
from provider.infrastructure.database import reading
from provider.logout.bulk.queries import Reach
from provider.logout.steps import LogoutOutcome


def ask_first(
    question: str, measure: Callable[[], Reach], *, yes: bool, as_json: bool, dry_run: bool = False
) -> None:
    """Show what would end; exit after a dry run, otherwise ask for confirmation.

    With --yes nothing is counted: counting a million rows takes seconds.
    """
    if dry_run or not yes:
        with reading():
            counts = _counts(measure())
        if dry_run and as_json:
            show_json({"dry_run": True} | counts)
        elif not as_json:
            show_record(counts)
    if dry_run:
        raise click.exceptions.Exit(0)
    demand(question, yes=yes)


def to_be_notified(outcome: LogoutOutcome) -> str:
    """Describe how many apps a logout will notify; confirmations arrive only after a command returns."""
    return notified_by(outcome.apps_to_notify, outcome.notifications)


def notified_by(apps: int, notifications: int) -> str:
    """Describe how many apps will be notified, and by how many notifications if the numbers differ."""
    if not notifications:
        return "No app has to be notified."
    sentence = f"{apps} app{'' if apps == 1 else 's'} will be notified"
    return f"{sentence}." if notifications == apps else f"{sentence}, by {notifications} notifications."


def _counts(reach: Reach) -> dict[str, int]:
    counts = {
        "sessions": reach.sessions,
        "client_sessions": reach.client_sessions,
        "grants": reach.grants,
        "apps_to_notify": reach.apps,
    }
    if reach.service_tokens is not None:
        counts["service_tokens"] = reach.service_tokens
    return counts

"""`curfew import`: take clients and people over from another provider."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provider.cli.configuration_view import show_secrets
from provider.cli.confirm import demand
from provider.cli.context import with_app
from provider.cli.output import json_option, show_json
from provider.cli.plain_text import say
from provider.cli.secret_file import Keep, open_secret_file
from provider.imports.report import Remark, Report
from provider.infrastructure.database import reading, transaction

if TYPE_CHECKING:
    from provider.imports.clients import Prepared
    from provider.imports.source import Source

T = TypeVar("T")
_BATCH = 500
_SECTIONS = {"clients": "Clients", "people": "People"}


class _DryRun(Exception):
    """Rolls back the transaction of a dry run."""


@click.group(
    "import",
    epilog="""\b
Examples:
  curfew import keycloak realm.json realm-users-0.json --dry-run
  curfew import auth0 users.ndjson clients.json --yes --secrets-file new-secrets.json
  curfew import logto applications.json users.json --json --yes
""",
)
def import_() -> None:
    """Take clients and people over from another provider, with a report of what was left behind.

    People keep their `sub` and their password, whose hash is replaced at the next sign-in. What is here
    already stays as it is, so an import that was interrupted is run again.
    """


def _command(product: str, title: str, files: str, load: Callable[[Sequence[Path]], "Source"]) -> None:
    @click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
    @click.option("--dry-run", is_flag=True, help="Report what would happen, and change nothing.")
    @click.option("--only", type=click.Choice(list(_SECTIONS)), help="Take only these.")
    @click.option("--yes", is_flag=True, help="Skip the confirmation.")
    @click.option(
        "--secrets-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="A new file, readable by you alone, for secrets that are generated; they are printed otherwise.",
    )
    @json_option
    @with_app
    def run(
        *,
        files: tuple[Path, ...],
        dry_run: bool,
        only: str | None,
        yes: bool,
        secrets_file: Path | None,
        as_json: bool,
    ) -> None:
        source = load(files)
        if not dry_run:
            demand(f"Import from {title}?", yes=yes, effect="this adds clients and people")
        report = Report()
        with _no_file() if dry_run else open_secret_file(secrets_file) as keep:
            if only != "people":
                _take_clients(source, report, keep, dry_run=dry_run)
            if only != "clients":
                _take_people(source, report, dry_run=dry_run)
        _show(report, secrets_file, dry_run=dry_run, as_json=as_json)

    run.__doc__ = f"Take over {files}."
    import_.command(product, epilog=f"Example: curfew import {product} export.json --dry-run")(run)


def _keycloak(paths: Sequence[Path]) -> "Source":
    from provider.imports.keycloak import Keycloak

    return Keycloak(paths)


def _auth0(paths: Sequence[Path]) -> "Source":
    from provider.imports.auth0 import Auth0

    return Auth0(paths)


def _logto(paths: Sequence[Path]) -> "Source":
    from provider.imports.logto import Logto

    return Logto(paths)


_command("keycloak", "Keycloak", "what `kc.sh export` wrote: a realm, and files with its users", _keycloak)
_command("auth0", "Auth0", "lists of clients and users, and the export of password hashes", _auth0)
_command("logto", "Logto", "lists of applications and users, or rows of its database", _logto)


@contextmanager
def _no_file() -> Iterator[Keep]:
    """Yield a function that forgets secrets: a dry run puts none into effect."""
    yield lambda _secrets: None


def _take_clients(source: "Source", report: Report, keep: Keep, *, dry_run: bool) -> None:
    from provider.imports import clients

    for batch in _batches(source.clients(report)):
        with reading():
            prepared = clients.prepare(batch, report)

        _carry_out(partial(_take_batch, prepared, report, keep), dry_run=dry_run)


def _take_batch(prepared: "Sequence[Prepared]", report: Report, keep: Keep) -> None:
    from provider.imports import clients

    clients.take(prepared, report)
    # Before the commit: a secret that could not be saved must not take effect.
    keep(report.secrets)


def _take_people(source: "Source", report: Report, *, dry_run: bool) -> None:
    from provider.imports.people import Taker

    taker = Taker(report)
    for batch in _batches(source.people(report)):
        with reading():
            prepared = taker.prepare(batch)
        _carry_out(partial(taker.take, prepared), dry_run=dry_run)
        taker.note_taken(prepared)


def _carry_out(act: Callable[[], object], *, dry_run: bool) -> None:
    """Run a batch in one transaction; a dry run rolls it back."""
    if not dry_run:
        with transaction():
            act()
        return
    with suppress(_DryRun), transaction():
        act()
        raise _DryRun


def _batches(found: Iterable[T]) -> Iterator[list[T]]:
    left = iter(found)
    while batch := list(islice(left, _BATCH)):
        yield batch


def _show(report: Report, secrets_file: Path | None, *, dry_run: bool, as_json: bool) -> None:
    shown = {} if dry_run or secrets_file else report.secrets
    if as_json:
        show_json(
            {
                "dry_run": dry_run,
                "clients": report.counts["client"],
                "people": report.counts["person"],
                "changed": _remarks(report.changed),
                "not_taken": _remarks(report.not_taken),
                "client_secrets": shown,
            }
        )
        return
    say("Nothing was changed: this is what an import would do." if dry_run else "Imported.")
    for kind, title in (("client", "Clients"), ("person", "People")):
        say(f"{title}: {_counted(report.counts[kind])}.")
    _say_remarks("Otherwise than before", report.changed)
    _say_remarks("Not taken", report.not_taken)
    if report.secrets and secrets_file and not dry_run:
        say(f"{len(report.secrets)} new secrets are in {secrets_file}.")
    show_secrets(shown)


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) or "none"


def _remarks(remarks: dict[str, Remark]) -> list[dict[str, Any]]:
    return [
        {"sentence": sentence, "count": remark.count, "examples": remark.examples}
        for sentence, remark in remarks.items()
    ]


def _say_remarks(title: str, remarks: dict[str, Remark]) -> None:
    if remarks:
        say(f"\n{title}:")
    for sentence, remark in remarks.items():
        more = ", …" if remark.count > len(remark.examples) else ""
        say(f"- {sentence} ({remark.count}): {', '.join(remark.examples)}{more}")

"""`curfew export`, `curfew plan` and `curfew apply`: configuration as code."""

import os
import shlex
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from provider.cli.configuration_view import plan_as_json, say_plan, show_secrets
from provider.cli.confirm import demand
from provider.cli.context import REFUSED, fail, with_app
from provider.cli.output import json_option, show_document, show_json
from provider.cli.plain_text import say
from provider.cli.secret_file import open_secret_file
from provider.cli.wrong_use import WrongUse
from provider.configuration import plan as plans
from provider.configuration.apply import Applied, apply
from provider.configuration.entries import Files, read_files
from provider.configuration.export import export
from provider.configuration.plan import Asked, Plan
from provider.configuration.problems import InvalidConfiguration
from provider.infrastructure.database import connection_released, in_transaction, reading
from provider.logout.bulk import walk as bulk_walk

F = TypeVar("F", bound=Callable[..., Any])
HAS_CHANGES = 2


class WrongUseOfPlan(WrongUse):
    """A usage error of a command whose exit code 2 has another meaning."""

    exit_code = REFUSED


class PlanCommand(click.Command):
    """A command whose exit code 2 means only that there are changes."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the options; invalid ones exit with code 1."""
        try:
            return super().make_context(*args, **kwargs)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as exc:
            raise WrongUseOfPlan(exc) from exc

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; invalid settings exit with code 1."""
        try:
            return super().invoke(ctx)
        except SystemExit as exc:
            raise SystemExit(REFUSED if exc.code == HAS_CHANGES else exc.code) from exc


def plan_options(command: F) -> F:
    """Give a command the files, and options that permit more than the files say."""
    for option in (
        click.option(
            "--adopt-from",
            multiple=True,
            metavar="NAME",
            help="Take over objects that this configuration owns. Repeatable.",
        ),
        click.option("--adopt", is_flag=True, help="Take over objects that were made by hand."),
        click.option(
            "--prune",
            is_flag=True,
            help="Remove objects that these configurations own and no file describes.",
        ),
        click.argument(
            "files",
            nargs=-1,
            required=True,
            type=click.Path(path_type=Path, dir_okay=False, allow_dash=False),
        ),
    ):
        command = option(command)
    return command


@click.command(
    "export",
    epilog="""\b
Examples:
  curfew export > provider.yaml
  curfew export --configuration shop-team --owned > shop.yaml
""",
)
@click.option(
    "--configuration",
    default="default",
    show_default=True,
    metavar="NAME",
    help="The owner that the file names; objects of other owners are left out.",
)
@click.option("--owned", is_flag=True, help="Only what this configuration owns, and nothing made by hand.")
@with_app
def export_(*, configuration: str, owned: bool) -> None:
    """Write clients, resource servers, roles and policies as YAML, to plan and apply.

    Secrets are not in the file: `secret: generated` keeps the one that the client has. Policies are settings
    that are not at their default; a plan compares them with those in force.
    """
    with reading():
        exported = export(configuration, only_owned=owned)
    show_document(exported.text)
    if exported.self_registered:
        say(f"curfew: left out: {exported.self_registered} clients that registered themselves", err=True)
    for owner, count in sorted(exported.owned_by_others.items()):
        say(f"curfew: left out: {count} objects of the configuration {owner}", err=True)


@click.command(
    "plan",
    cls=PlanCommand,
    epilog="""\b
Examples:
  curfew plan provider.yaml
  curfew plan team-a.yaml team-b.yaml --prune --json
Exit codes: 0 nothing would change, 2 the plan has changes, 1 it cannot be made.
""",
)
@plan_options
@json_option
@with_app
def plan_(*, as_json: bool, **given: Any) -> None:
    """Show what applying the files would change, and change nothing."""
    files, asked = _asked(given)
    plan = _plan(files, asked)
    if as_json:
        show_json(plan_as_json(plan))
    else:
        say_plan(plan)
        if plan.changes:
            say(f"To apply exactly this: curfew apply --plan {plan.hash} {_as_typed(given)}")
    if plan.changes:
        raise click.exceptions.Exit(HAS_CHANGES)


@click.command(
    "apply",
    epilog="""\b
Examples:
  curfew apply provider.yaml                    shows the plan and asks
  curfew apply provider.yaml --plan HASH        only what `curfew plan` showed, without a question
  curfew apply provider.yaml --yes --secrets-file new-secrets.json
""",
)
@plan_options
@click.option("--plan", "plan_hash", metavar="HASH", help="Apply only if this is still the hash of the plan.")
@click.option("--yes", is_flag=True, help="Skip the confirmation.")
@click.option(
    "--secrets-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A new file, readable by you alone, for secrets that are generated; they are printed otherwise.",
)
@json_option
@with_app
def apply_(
    *, plan_hash: str | None, yes: bool, secrets_file: Path | None, as_json: bool, **given: Any
) -> None:
    """Make clients, resource servers and roles what the files say, in one transaction.

    A field that a file leaves out returns to its default. Objects that no file describes stay, unless --prune
    removes those that these configurations own. Policies are settings: where others are in force than a file
    states, nothing is changed.
    """
    files, asked = _asked(given)
    plan = _plan(files, asked)
    if plan_hash is not None and plan_hash != plan.hash:
        fail("this is not the plan that was reviewed: the database or the files changed since; plan again")
    if not plan.changes:
        _show_nothing(plan, as_json=as_json)
        return
    if not as_json:
        say_plan(plan)
    if plan_hash is None:
        demand("Apply these changes?", yes=yes, effect="this changes the configuration")
    applied = _carry_out(files, asked, plan, secrets_file)
    # Start revoking the removed offline grants here, for a moment only; the workers do the rest.
    bulk_walk.carry_on_if_free(f"{socket.gethostname()}:{os.getpid()}:apply"[:128])
    _show_applied(applied, secrets_file, as_json=as_json)


def _asked(given: dict[str, Any]) -> tuple[Files, Asked]:
    try:
        files = read_files(given["files"])
    except InvalidConfiguration as exc:
        fail(*map(str, exc.problems))
    return files, Asked(prune=given["prune"], adopt=given["adopt"], adopt_from=frozenset(given["adopt_from"]))


def _plan(files: Files, asked: Asked) -> Plan:
    """Make the plan, and check whether the URLs in it can be reached."""
    try:
        with reading():
            plan = plans.make(files, asked)
        with connection_released():
            plans.check_reachable(plan, files)
    except InvalidConfiguration as exc:
        fail(*map(str, exc.problems))
    return plan


def _carry_out(files: Files, asked: Asked, plan: Plan, secrets_file: Path | None) -> Applied:
    with open_secret_file(secrets_file) as keep:

        def act() -> Applied:
            applied = apply(files, asked, plan.hash)
            # Before the commit: a secret that could not be saved must not take effect.
            keep(applied.secrets)
            return applied

        try:
            return in_transaction(act)
        except InvalidConfiguration as exc:
            fail(*map(str, exc.problems))


def _show_nothing(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        show_json({"applied": False, "plan": plan_as_json(plan)})
    else:
        say_plan(plan)


def _show_applied(applied: Applied, secrets_file: Path | None, *, as_json: bool) -> None:
    shown = {} if secrets_file else applied.secrets
    if as_json:
        show_json({"applied": True, "plan": plan_as_json(applied.plan), "client_secrets": shown})
        return
    say(f"Applied {len(applied.plan.changes)} changes.")
    if secrets_file and applied.secrets:
        say(f"{len(applied.secrets)} new secrets are in {secrets_file}.")
    show_secrets(shown)


def _as_typed(given: dict[str, Any]) -> str:
    flags = [f"--{name}" for name in ("prune", "adopt") if given[name]]
    flags += [f"--adopt-from {shlex.quote(name)}" for name in given["adopt_from"]]
    return " ".join([*(shlex.quote(str(path)) for path in given["files"]), *flags])

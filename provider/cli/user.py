"""`curfew user`: the people who sign in."""

from typing import Any, TextIO

import click

from provider.accounts import claims, queries
from provider.accounts.models import Account
from provider.accounts.roles import Role
from provider.administration import accounts, roles
from provider.cli.account_link import account_link
from provider.cli.confirm import confirm
from provider.cli.context import with_app
from provider.cli.output import json_option, limit_option, show_json, show_record, show_table
from provider.cli.plain_text import say
from provider.cli.user_options import changed_claims, claim_options, read_password
from provider.cli.what_ends import to_be_notified
from provider.infrastructure.database import transaction
from provider.logout.steps import LogoutOutcome


@click.group(
    epilog="""\b
Examples:
  curfew user add ada --claim name="Ada Lovelace" --claim email=ada@example.org
  echo "$PASSWORD" | curfew user password ada
  curfew user update ada --claim address.locality=London --claim nickname=
  curfew user disable ben
  curfew user role cleo operator
  curfew user list --json
"""
)
def user() -> None:
    """Add and change the people who sign in."""


@user.command(
    epilog="""\b
Examples:
  curfew user add ada                                  asks for the password
  echo "$PASSWORD" | curfew user add ada --claims-json ada.json
  curfew user add robot --no-password
"""
)
@click.argument("username")
@click.option(
    "--no-password", is_flag=True, help="Add the account without a password; it cannot sign in by password."
)
@claim_options
@json_option
@with_app
def add(
    *, username: str, no_password: bool, claim: tuple[str, ...], claims_json: TextIO | None, as_json: bool
) -> None:
    """Add a person; the password is read from standard input."""
    known = changed_claims({}, claims_json, claim)
    given = None if no_password else read_password()
    with transaction():
        account = accounts.add(username, given, known)
    _show(account, as_json=as_json, sentence=f"Added {account.username} ({account.id}).")


@user.command("list", epilog="Example: curfew user list --json")
@limit_option(1000)
@json_option
@with_app
def list_(*, limit: int, as_json: bool) -> None:
    """List the people, oldest first."""
    found = queries.list_accounts(limit=limit)
    if as_json:
        show_json([as_record(account) for account in found])
        return
    rows = [
        (a.username, a.claims.get("name"), a.claims.get("email"), _state(a), a.role, a.created_at, a.id)
        for a in found
    ]
    show_table(("User name", "Name", "E-mail", "State", "Role", "Since", "Account"), rows, empty="No users.")


@user.command(epilog="Example: curfew user show ada")
@click.argument("username")
@json_option
@with_app
def show(*, username: str, as_json: bool) -> None:
    """Show an account and its claims."""
    _show(queries.get_by_username(username), as_json=as_json)


@user.command(epilog="Example: curfew user update ada --claim nickname=Countess")
@click.argument("username")
@claim_options
@json_option
@with_app
def update(*, username: str, claim: tuple[str, ...], claims_json: TextIO | None, as_json: bool) -> None:
    """Change a person's claims; others stay unchanged, an empty value removes a claim."""
    with transaction():
        account = queries.get_by_username(username)
        accounts.set_claims(account, changed_claims(account.claims, claims_json, claim))
    _show(account, as_json=as_json, sentence=f"Updated {account.username}.")


@user.command(epilog="Example: curfew user rename ada ada.lovelace")
@click.argument("username")
@click.argument("new_username")
@json_option
@with_app
def rename(*, username: str, new_username: str, as_json: bool) -> None:
    """Change a person's user name; sessions and the sub that apps know stay the same."""
    with transaction():
        account = queries.get_by_username(username)
        accounts.rename(account, new_username)
    _show(account, as_json=as_json, sentence=f"Renamed to {account.username}.")


@user.command(epilog="Example: curfew user disable ben")
@click.argument("username")
@click.option("--force", is_flag=True, help="Also if no administrator is left.")
@json_option
@with_app
def disable(*, username: str, force: bool, as_json: bool) -> None:
    """Disable an account and sign the person out everywhere."""
    with transaction():
        account = queries.get_by_username(username)
        outcome = accounts.disable(account, force=force)
    _show_ended(account, outcome, as_json=as_json, sentence=f"Disabled {account.username}.")


@user.command(epilog="Example: curfew user enable ben")
@click.argument("username")
@json_option
@with_app
def enable(*, username: str, as_json: bool) -> None:
    """Enable an account again; ended sessions and grants stay ended."""
    with transaction():
        account = queries.get_by_username(username)
        accounts.enable(account)
    _show(account, as_json=as_json, sentence=f"Enabled {account.username}.")


@user.command(epilog="Example: curfew user delete ben --yes")
@click.argument("username")
@click.option("--yes", is_flag=True, help="Skip the confirmation.")
@click.option("--force", is_flag=True, help="Also if no administrator is left.")
@json_option
@with_app
def delete(*, username: str, yes: bool, force: bool, as_json: bool) -> None:
    """Sign a person out everywhere and delete their data."""
    confirm(f"Delete {queries.get_by_username(username).username}?", yes=yes)
    with transaction():
        account = queries.get_by_username(username)
        name = account.username
        outcome = accounts.delete(account, force=force)
    _show_ended(account, outcome, as_json=as_json, sentence=f"Deleted {name}.")


@user.command(epilog="Example: curfew user password ada < password.txt")
@click.argument("username")
@json_option
@with_app
def password(*, username: str, as_json: bool) -> None:
    """Set a new password, read from standard input, and sign the person out everywhere."""
    queries.get_by_username(username)
    given = read_password()
    with transaction():
        account = queries.get_by_username(username)
        outcome = accounts.reset_password(account, given)
    _show_ended(account, outcome, as_json=as_json, sentence=f"Set the password of {account.username}.")


@user.command(epilog="Example: curfew user reset ada")
@click.argument("username")
@json_option
@with_app
def reset(*, username: str, as_json: bool) -> None:
    """Void a person's password, sign them out everywhere, and print a link by which they set a new one."""
    with transaction():
        account = queries.get_by_username(username)
        outcome, handle = accounts.begin_reset(account)
    link = account_link("pages.new_password", handle)
    if as_json:
        show_json(as_record(account) | _counts(outcome) | {"link": link})
        return
    _show_ended(account, outcome, as_json=False, sentence=f"Voided the password of {account.username}.")
    say("Within a day this link sets a new password, once; give it to that person alone:", err=True)
    say(link)


@user.command(
    epilog="""\b
Examples:
  curfew user role ada administrator
  curfew user role ben none
"""
)
@click.argument("username")
@click.argument("role", type=click.Choice([*(one.value for one in Role), roles.NO_ROLE]))
@click.option("--force", is_flag=True, help="Also if no administrator is left.")
@json_option
@with_app
def role(*, username: str, role: str, force: bool, as_json: bool) -> None:
    """Give a person a role in the console and the admin API, or `none`.

    A viewer sees everything; an operator also ends sessions, steers notifications and helps people; an
    administrator may do everything.
    """
    with transaction():
        account = queries.get_by_username(username)
        roles.set_role(account, roles.read_role(role), force=force)
    _show(account, as_json=as_json, sentence=f"The role of {account.username} is {role} now.")


def as_record(account: Account) -> dict[str, Any]:
    """Return everything about a person that may be shown."""
    return {
        "id": account.id,
        "sub": account.sub,
        "username": account.username,
        "enabled": account.disabled_at is None,
        "role": account.role,
        "has_password": account.password_hash is not None,
        "password_changed_at": account.password_changed_at,
        "created_at": account.created_at,
        "updated_at": account.updated_at,
        "claims": claims.claims_of(account),
    }


def _show_ended(account: Account, outcome: LogoutOutcome, *, as_json: bool, sentence: str) -> None:
    ended = outcome.logout
    if as_json:
        # The data of a deleted person is not kept.
        gone = {"id": account.id, "deleted_at": account.deleted_at}
        show_json((gone if account.deleted_at else as_record(account)) | _counts(outcome))
    else:
        say(
            f"{sentence} Ended {ended.sessions_ended} session(s) and {ended.grants_revoked} grant(s). "
            f"{to_be_notified(outcome)} See: curfew logout show {ended.id}"
        )


def _counts(outcome: LogoutOutcome) -> dict[str, Any]:
    ended = outcome.logout
    return {
        "logout_id": ended.id,
        "sessions_ended": ended.sessions_ended,
        "grants_revoked": ended.grants_revoked,
        "apps_to_notify": outcome.apps_to_notify,
        "notifications": outcome.notifications,
    }


def _state(account: Account) -> str:
    return "enabled" if account.disabled_at is None else "disabled"


def _show(account: Account, *, as_json: bool, sentence: str = "") -> None:
    shown = as_record(account)
    if as_json:
        show_json(shown)
    elif sentence:
        say(sentence)
    else:
        # The claim updated_at is a number; the account's own updated_at is the same instant.
        known = {name: value for name, value in shown["claims"].items() if name != "updated_at"}
        show_record({name: value for name, value in shown.items() if name != "claims"} | known)

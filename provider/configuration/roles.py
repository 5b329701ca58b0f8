"""Roles of people in administration as objects of a configuration; keys are user names."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar
from uuid import UUID

from provider.accounts import queries
from provider.accounts.models import Account
from provider.accounts.roles import Role
from provider.administration import roles as acts
from provider.configuration.entries import Entry, Files, Kind
from provider.configuration.kinds import Done, Target
from provider.configuration.problems import InvalidConfiguration


class RoleObjects:
    """Finds, reads and changes roles; a row is the account that has the role."""

    kind: ClassVar[Kind] = Kind.ROLE
    usual: ClassVar[Mapping[str, Any]] = {}

    def find(self, keys: Collection[str], *, lock: bool) -> dict[str, Account]:
        """Return the accounts with these names, locked in the order of their rows if requested."""
        found = {key: account for key in keys if (account := queries.find_by_username(key))}
        return _locked(found) if lock else found

    def find_owned(self, object_ids: Collection[UUID], *, lock: bool) -> dict[str, Account]:
        """Return the accounts of these rows that have a role, by their names."""
        accounts = [account for one in object_ids if (account := queries.find(one))]
        found = {one.username: one for one in accounts if one.role and one.deleted_at is None}
        return _locked(found) if lock else found

    def state_of(self, row: Account) -> dict[str, Any]:
        """Return the role; empty for a person without one, who is not an object of a configuration."""
        return {"role": row.role} if row.role else {}

    def read(self, entry: Entry, row: Account | None, files: Files) -> Target:  # noqa: ARG002 – the interface.
        """Return the role that a person gets."""
        if not isinstance(entry.node.value, str) or entry.node.value not in list(Role):
            raise InvalidConfiguration([entry.problem(f"must be one of {', '.join(Role)}")])
        if row is None:
            raise InvalidConfiguration(
                [entry.problem("is not an account; people are added by `curfew user add`")]
            )
        role = Role(entry.node.value)
        return Target(state={"role": role.value}, act=lambda: _carry_out(row, role))

    def check_reachable(self, entry: Entry, row: Account | None) -> None:
        """Do nothing: a role needs no network."""

    def dangers(self, row: Account, target: Target) -> list[str]:
        """Return a sentence if the person would be permitted less."""
        is_less = row.role and Role(target.state["role"]).rank < Role(row.role).rank
        return [f"{row.username} may do less than before"] if is_less else []

    def dangers_of_removal(self, row: Account) -> list[str]:
        """Return that the person would no longer be an administrator."""
        return [f"{row.username} no longer administers"]

    def remove(self, row: Account) -> None:
        """Take a role away."""
        acts.set_role(row, None)


def _locked(found: dict[str, Account]) -> dict[str, Account]:
    for account in sorted(found.values(), key=lambda one: one.id):
        queries.lock(account.id)
    return {key: account for key, account in found.items() if account.deleted_at is None}


def _carry_out(row: Account, role: Role) -> Done:
    if row.role != role:
        acts.set_role(row, role)
    return Done(object_id=row.id)

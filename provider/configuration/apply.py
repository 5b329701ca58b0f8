"""Apply a plan: lock the rows, make the plan again, and carry it out only if it is the same."""

from dataclasses import dataclass, field

from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.configuration import plan as plans
from provider.configuration.entries import Files
from provider.configuration.plan import Action, Asked, Plan, names_of
from provider.infrastructure import owned_objects


class PlanChanged(Exception):
    """The files or the database have changed since the plan was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The applied changes, with generated secrets, which are shown only once."""

    plan: Plan
    secrets: dict[str, str] = field(repr=False)


def apply(files: Files, asked: Asked, plan_hash: str) -> Applied:
    """Apply files inside the open transaction, if a plan made now has this hash.

    Raises PlanChanged, InvalidConfiguration, AppliedMeanwhile, or the error of an act; then nothing is done.
    """
    for owner in sorted(files.owners):
        owned_objects.lock(owner, plan_hash)
    plan = plans.make(files, asked, lock=True)
    if plan.hash != plan_hash:
        raise PlanChanged("the database or the files changed since the plan was made; make another plan")
    secrets: dict[str, str] = {}
    for change in plan.changes:
        done = change.act()
        if done is None:
            continue
        owned_objects.give(change.kind, done.object_id, change.owner)
        if done.secret is not None:
            secrets[change.key] = done.secret
    record(
        EventTag.CONFIGURATION_APPLIED,
        actor="admin",
        configurations=list(plan.owners),
        plan_hash=plan_hash,
        created=names_of(plan.changes, Action.CREATE),
        updated=names_of(plan.changes, Action.UPDATE),
        adopted=[one.name for one in plan.changes if one.takes_over],
        removed=names_of(plan.changes, Action.REMOVE),
    )
    return Applied(plan=plan, secrets=secrets)

"""Show plans: a line for each object, its fields below, and dangerous changes marked with `!`."""

from collections.abc import Mapping
from typing import Any

from provider.cli.output import show_secret
from provider.cli.plain_text import neutral_json, say
from provider.configuration.plan import Action, Change, Plan

_SIGNS = {Action.CREATE: "+", Action.UPDATE: "~", Action.ADOPT: "=", Action.REMOVE: "-"}
_LONGEST = 400


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON for programs."""
    return {
        "hash": plan.hash,
        "configurations": plan.owners,
        "changes": [
            {
                "kind": one.kind,
                "key": one.key,
                "action": one.action,
                "configuration": one.owner,
                "configuration_before": one.owner_before or None,
                "fields": {name: {"before": old, "after": new} for name, (old, new) in one.fields.items()},
                "dangers": one.dangers,
            }
            for one in plan.changes
        ],
        "unchanged": plan.unchanged,
        "unowned": plan.unowned,
        "left": plan.left,
    }


def say_plan(plan: Plan) -> None:
    """Print a plan for people."""
    for change in plan.changes:
        _say_change(change)
    if plan.unowned:
        say(f"As the files say, but made by hand (--adopt takes them over): {', '.join(plan.unowned)}.")
    if plan.left:
        say(f"Owned, but in no file (--prune removes them): {', '.join(plan.left)}.")
    if not plan.changes:
        say("No changes.")
        return
    counts = ", ".join(
        f"{sum(one.action is action for one in plan.changes)} to {action}"
        for action in Action
        if any(one.action is action for one in plan.changes)
    )
    dangerous = sum(bool(one.dangers) for one in plan.changes)
    say(f"Plan: {counts}, {plan.unchanged} unchanged{f'; {dangerous} dangerous' if dangerous else ''}.")
    say(f"Hash: {plan.hash}")


def show_secrets(secrets: Mapping[str, str]) -> None:
    """Show generated secrets, which cannot be shown again."""
    for client_id, secret in secrets.items():
        show_secret(f"client_secret of {client_id}", secret)


def _say_change(change: Change) -> None:
    mark = "!" if change.dangers else " "
    taken = ""
    if change.takes_over:
        taken = f", taken over from {change.owner_before}" if change.owner_before else ", taken over"
    say(f"{mark} {_SIGNS[change.action]} {change.name} ({change.action}, {change.owner}{taken})")
    if change.action is not Action.REMOVE:
        for name, (old, new) in change.fields.items():
            before = "" if change.action is Action.CREATE else f"{_shown(old)} → "
            say(f"      {name}: {before}{_shown(new)}")
    for danger in change.dangers:
        say(f"    ! {danger}")


def _shown(value: Any) -> str:
    if value in (None, [], ""):
        return "(none)"
    text = neutral_json(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"

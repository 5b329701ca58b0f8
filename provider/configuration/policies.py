"""Policies of the provider in a file: compared with the settings in force, which files cannot change.

Each process reads its settings from the environment or a file when it starts, so a configuration cannot
change them. If it states policies other than those in force, the plan is refused and says what to set.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from provider.config import Settings
from provider.config.load import PREFIX
from provider.config.values import READERS, write_value
from provider.configuration.document import Node
from provider.configuration.problems import ConfigurationProblem
from provider.infrastructure import current

SECTION = "policies"
# Settings that state what the provider allows, requires and promises. The other settings say where and how
# one installation runs; they differ between a test system and production with the same policies.
POLICIES = (
    *("session_idle_lifetime", "refresh_counts_as_use", "session_lifetime", "interaction_lifetime"),
    *("sessions_per_account", "code_lifetime", "id_token_lifetime", "access_token_lifetime"),
    *("jwt_access_token_lifetime", "dpop_nonce_required", "refresh_token_idle_lifetime", "grant_lifetime"),
    *("refresh_reuse_interval", "registration", "registration_limit", "registration_scopes"),
    *("registration_trusted_hosts", "client_assertion_endpoint_audience", "pushed_request_lifetime"),
    *("require_pushed_authorization_requests", "request_objects", "hybrid_response_types"),
    *("frontchannel_logout", "session_management", "notify_budget", "delivery_schedule"),
    *("delivery_horizon", "logout_token_lifetime", "rsa_key_bits", "key_rotation_period"),
    *("key_publish_before_use", "key_publish_after_use", "audit_retention", "audit_anchor_every"),
    *("delivery_retention", "password_min_length", "sign_in_limit_account", "sign_in_limit_address"),
    *("sign_in_limit_everywhere", "sign_in_limit_slow", "sign_in_limit_browser", "known_browser_lifetime"),
    *("device_code_lifetime", "device_code_limit_account", "device_code_limit_address"),
    *("device_request_limit_address", "admin_sign_in_age", "admin_request_limit", "default_locale"),
)
_DECLARED = {one.name: one for one in fields(Settings)}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedPolicies:
    """The policies that one file states."""

    file: str
    node: Node


def in_force() -> dict[str, Any]:
    """Return the policies that are not at their default, as a file states them."""
    settings = current.settings()
    found = {name: getattr(settings, name) for name in POLICIES}
    return {name: _stated(value) for name, value in found.items() if value != _DECLARED[name].default}


def problems_of(stated: StatedPolicies) -> Iterator[ConfigurationProblem]:
    """Yield a problem for each stated policy that is not in force."""
    members = stated.node.value
    if members is None:
        return
    if not isinstance(members, dict):
        yield _problem(stated, stated.node, "", "must be a mapping from settings to values")
        return
    for name, node in members.items():
        if name not in POLICIES:
            hint = "a setting of this installation" if name in _DECLARED else "not known"
            yield _problem(
                stated, node, name, f"is {hint}, and no policy; `curfew export` writes those there are"
            )
        elif (why := _why_not_in_force(name, node)) is not None:
            yield _problem(stated, node, name, why)


def _why_not_in_force(name: str, node: Node) -> str | None:
    text = _text(node.plain())
    if text is None:
        return "must be a text, a number, true or false, or a list of texts"
    try:
        wanted = READERS[_DECLARED[name].type](text)
    except ValueError as exc:
        return str(exc)
    present = getattr(current.settings(), name)
    if wanted == present:
        return None
    here, there = write_value(present) or "empty", write_value(wanted) or "nothing"
    return (
        f"is {here} here, which a file cannot change: set {PREFIX}{name.upper()} to {there} "
        "for every process of the provider and for this command"
    )


def _problem(stated: StatedPolicies, node: Node, name: str, sentence: str) -> ConfigurationProblem:
    shown = f"{SECTION}.{name}" if name else SECTION
    return ConfigurationProblem(stated.file, node.line, shown, sentence)


def _text(value: Any) -> str | None:
    """Return a value of a file as the text of a setting."""
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int():
            return str(value)
        case list() if all(isinstance(one, str) for one in value):
            return ", ".join(value)
    return None


def _stated(value: Any) -> Any:
    """Return a setting's value as a file states it."""
    match value:
        case bool() | int():
            return value
        case tuple():
            return [write_value(one) for one in value]
    return write_value(value)

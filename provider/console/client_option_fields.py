"""The operator's decisions about a client as fields of a form, each with its meaning."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from werkzeug.datastructures import MultiDict

from provider.clients import options
from provider.clients.models import (
    Client,
    ConfirmSignOut,
    IDTokenClaims,
    LogoutTokenNames,
    OfflinePolicy,
    ResultPage,
)
from provider.clients.options import ClientOptions, InvalidOption
from provider.config.values import read_timedelta, write_timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionField:
    """One decision as a form shows it."""

    name: str
    # `yes`, `choice` or `text`.
    shape: str
    value: str
    label: str
    meaning: str
    choices: tuple[tuple[str, str], ...] = ()


_YES = {
    "first_party": ("It is our own app", "People are not asked for consent."),
    "told_of_expiry": ("It is notified when a session expires", "Otherwise only of sign-outs."),
    "slow": ("It is slow", "It needs longer to answer a Logout Token than others do."),
}
_CHOICES: dict[str, tuple[str, str, dict[str, str]]] = {
    "offline_policy": (
        "Offline grants at a sign-out of the browser",
        "What becomes of the permission to act while the person is away.",
        {
            OfflinePolicy.KEEP: "keep them, as the specification says",
            OfflinePolicy.REVOKE: "revoke them",
            OfflinePolicy.ASK: "ask the person",
        },
    ),
    "confirm_sign_out": (
        "Confirm a sign-out that it requests",
        "Without a proof that it is about this browser's session, people are always asked.",
        {ConfirmSignOut.WHEN_NEEDED: "when needed", ConfirmSignOut.ALWAYS: "always"},
    ),
    "result_page": (
        "Show the result of a sign-out before going back to the app",
        "The page names each app and whether it has confirmed.",
        {
            ResultPage.WHEN_PENDING: "if an app has not confirmed in time",
            ResultPage.ALWAYS: "always",
            ResultPage.NEVER: "never",
        },
    ),
    "logout_token_names": (
        "Its Logout Tokens name",
        "A token with sub alone ends all sessions that the app has of the person.",
        {
            LogoutTokenNames.BOTH: "the session and the person (sid and sub)",
            LogoutTokenNames.SID: "the session (sid), for an app that ends everything at a sub",
            LogoutTokenNames.SUB: "the person (sub), for an app that ignores sid",
        },
    ),
    "id_token_claims": (
        "Claims in its ID Tokens",
        "Those of scopes are for apps that never call the UserInfo Endpoint.",
        {
            IDTokenClaims.SCOPES: "those of the granted scopes",
            IDTokenClaims.REQUESTED: "only those that a request names",
        },
    ),
}
_SPANS = {
    "grant_lifetime": ("Lifetime of its grants", "Such as 30d. Empty: as the settings say."),
    "refresh_reuse_interval": (
        "A refresh may be repeated within",
        "At most 60s. Empty: as the settings say.",
    ),
    "session_lifetime": (
        "Lifetime of the app's own sessions",
        "Such as 12h. It is not notified of older ones. Empty: not known.",
    ),
    "refuse_when_degraded_for": (
        "Refuse new sign-ins once its logout endpoint has failed for",
        "Such as 4h. Empty: never.",
    ),
}
_TEXTS = {
    "deliver_to": ("Send Logout Tokens to", "For development only, instead of the registered address."),
    "may_exchange_tokens_of": (
        "It may exchange tokens of",
        "Clients by client_id, with commas between them (rfc8693).",
    ),
}


def fields_of(client: Client, typed: "MultiDict[str, str] | None" = None) -> list[OptionField]:
    """Return the fields with the present decisions, or with the submitted text."""
    values = options.values_of(client)
    written = {name: _written(value) for name, value in values.items()}
    if typed is not None:
        written = {name: typed.get(name, "") for name in values}
    yes = [_field(name, "yes", written, *_YES[name]) for name in _YES]
    choices = [
        _field(name, "choice", written, label, meaning, tuple(known.items()))
        for name, (label, meaning, known) in _CHOICES.items()
    ]
    texts = [_field(name, "text", written, *words) for name, words in (_SPANS | _TEXTS).items()]
    return [*yes, *choices, *texts]


def read_options(form: "MultiDict[str, str]") -> ClientOptions:
    """Return the decisions in a submitted form. Raises InvalidOption."""
    values: dict[str, Any] = {name: form.get(name) == "yes" for name in _YES}
    values |= {name: _chosen(name, form.get(name, "")) for name in _CHOICES}
    values |= {name: _span(name, form.get(name, "").strip()) for name in _SPANS}
    values["deliver_to"] = form.get("deliver_to", "").strip() or None
    named = form.get("may_exchange_tokens_of", "").split(",")
    values["may_exchange_tokens_of"] = tuple(filter(None, map(str.strip, named))) or None
    return options.from_values(values)


def _field(
    name: str,
    shape: str,
    written: Mapping[str, str],
    label: str,
    meaning: str,
    choices: tuple[tuple[str, str], ...] = (),
) -> OptionField:
    return OptionField(
        name=name, shape=shape, value=written[name], label=label, meaning=meaning, choices=choices
    )


def _written(value: Any) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return "yes"
    if isinstance(value, timedelta):
        return write_timedelta(value)
    return value if isinstance(value, str) else ", ".join(value)


def _chosen(name: str, text: str) -> str:
    if text not in _CHOICES[name][2]:
        raise InvalidOption(f"{name} must be one of {', '.join(_CHOICES[name][2])}")
    return text


def _span(name: str, text: str) -> timedelta | None:
    try:
        return read_timedelta(text) if text else None
    except ValueError as exc:
        raise InvalidOption(f"{name} {exc}") from exc

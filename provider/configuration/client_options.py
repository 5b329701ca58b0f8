"""The operator's options of a client, as they appear in files."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Any

from provider.administration.clients import PRESELECTED_OPTIONS
from provider.clients.options import CHOICES, NAMES, ClientOptions, InvalidOption, from_values
from provider.config.values import write_timedelta
from provider.configuration.entries import Entry
from provider.configuration.members import Members
from provider.configuration.problems import ConfigurationProblem

DEFAULTS = from_values(PRESELECTED_OPTIONS)
_FLAGS = tuple(one.name for one in fields(ClientOptions) if isinstance(one.default, bool))
_LISTS = ("may_exchange_tokens_of",)
_TEXTS = ("deliver_to",)
_SPANS = tuple(name for name in NAMES if name not in {*_FLAGS, *CHOICES, *_LISTS, *_TEXTS})
_MOST_LISTED = 1000


def as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return options by name as JSON values; spans as texts."""
    shown = {
        name: write_timedelta(value) if isinstance(value, timedelta) else value
        for name, value in values.items()
    }
    shown |= {name: str(shown[name]) for name in CHOICES}
    return shown | {name: list(shown[name] or ()) for name in _LISTS}


def read_options(entry: Entry) -> tuple[ClientOptions | None, list[ConfigurationProblem]]:
    """Return the options of an entry, with defaults for omitted ones, and the problems found in them."""
    members = Members(entry, "options", known=NAMES)
    values: dict[str, Any] = {
        name: members.choice(name, kind, getattr(DEFAULTS, name)) for name, kind in CHOICES.items()
    }
    values |= {name: members.flag(name, default=getattr(DEFAULTS, name)) for name in _FLAGS}
    values |= {name: members.text(name) for name in _TEXTS}
    values |= {name: members.span(name) for name in _SPANS}
    values |= {name: members.texts(name, _MOST_LISTED) or None for name in _LISTS}
    if members.problems:
        return None, members.problems
    try:
        return from_values(values), []
    except InvalidOption as exc:
        # The sentence begins with the name of the option.
        name, _, sentence = str(exc).partition(" ")
        members.refuse(name, sentence)
        return None, members.problems

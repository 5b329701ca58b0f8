"""A commented settings file, as `curfew init` writes it: the chosen settings and the often needed ones."""

import textwrap
from collections.abc import Mapping
from dataclasses import fields

from provider.config.load import PREFIX
from provider.config.settings import Settings
from provider.config.values import write_value

_OFTEN_NEEDED = (
    *("database_url", "broker_url", "trusted_proxies", "outbound_allow"),
    *("registration", "metrics_bearer_token", "default_locale"),
)
_HEAD = """\
# Settings of Curfew. Commands read this file if CURFEW_CONFIG names it. An environment variable, such as
# {prefix}ISSUER for `issuer`, takes precedence. `curfew settings` lists every setting with its value and
# source, `curfew settings --problems` what is unwise in production.
"""


def write_file(values: Mapping[str, str]) -> str:
    """Return the text of a file that sets these values, by the names of their settings.

    Raises ValueError for a value that is not printable.
    """
    parts = [_HEAD.format(prefix=PREFIX)]
    for declared in fields(Settings):
        value = values.get(declared.name, "")
        if value or declared.name in _OFTEN_NEEDED:
            line = f"{declared.name} = {_quoted(value or write_value(declared.default))}"
            meaning = _wrapped(declared.metadata["meaning"])
            parts.append(f"{meaning}\n{line if value else f'# {line}'}\n")
    return "\n".join(parts)


def _quoted(value: str) -> str:
    """Return a basic string of TOML."""
    if not value.isprintable():
        raise ValueError("must consist of printable characters")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _wrapped(meaning: str) -> str:
    return "\n".join(textwrap.wrap(meaning, 108, initial_indent="# ", subsequent_indent="# "))

"""Load the settings: from the environment, then a file, then defaults."""

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from provider.config.checks import WrongSettings
from provider.config.settings import Settings
from provider.config.values import READERS, write_value

PREFIX = "CURFEW_"
# Shown instead of the value of a secret.
HIDDEN = "(set)"
# A variable with this suffix names a file that contains the secret.
FILE_SUFFIX = "_FILE"
# The first two belong to the command itself. The third is where recipes keep the secret of an app; it may be
# exported in the shell in which the command runs.
_NOT_SETTINGS = frozenset({"CURFEW_CONFIG", "CURFEW_AS", "CURFEW_CLIENT_SECRET"})

# Names from release 0.1.0. They still work: in a rolling upgrade, both releases read the same environment.
_FORMER_NAMES = {
    "mass_ending_batch": "bulk_logout_batch",
    "mass_ending_pace": "bulk_logout_pace",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingView:
    """One setting as `curfew settings` shows it."""

    name: str
    variable: str
    value: str
    default: str
    source: str
    meaning: str


def load_settings(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Build the settings from environment, file and overrides.

    Raises WrongSettings with every problem found, so that one start shows them all.
    """
    environ = os.environ if environ is None else environ
    texts, problems = _gather(environ)
    values: dict[str, Any] = {}
    for declared in fields(Settings):
        if declared.name not in texts:
            continue
        try:
            values[declared.name] = READERS[declared.type](texts[declared.name][0])
        except ValueError as exc:
            problems.append(f"{declared.name} {exc}")
    try:
        settings = Settings(**(values | overrides))
    except WrongSettings as exc:
        raise WrongSettings(problems + exc.problems) from None
    if problems:
        raise WrongSettings(problems)
    return settings


def describe_settings(settings: Settings, environ: Mapping[str, str] | None = None) -> list[SettingView]:
    """Describe every setting in the order of declaration; for a secret, only that it is set."""
    texts, _ = _gather(os.environ if environ is None else environ)
    return [_view(declared, settings, texts) for declared in fields(Settings)]


def _view(declared: "Field[Any]", settings: Settings, texts: Mapping[str, tuple[str, str]]) -> SettingView:
    value = write_value(getattr(settings, declared.name))
    if declared.metadata["secret"] and value:
        value = HIDDEN
    return SettingView(
        name=declared.name,
        variable=PREFIX + declared.name.upper(),
        value=value,
        default="" if declared.default is MISSING else write_value(declared.default),
        source=texts[declared.name][1] if declared.name in texts else "default",
        meaning=declared.metadata["meaning"],
    )


def _gather(environ: Mapping[str, str]) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """Return the text and source of each setting that is given, and the problems found on the way."""
    known = {declared.name for declared in fields(Settings)}
    secrets = {_file_variable(declared.name) for declared in fields(Settings) if declared.metadata["secret"]}
    texts: dict[str, tuple[str, str]] = {}
    problems: list[str] = []
    for given, text in _read_file(environ, problems).items():
        name = _FORMER_NAMES.get(given, given)
        if name in texts:
            problems.append(f"{name} and its former name are both in the settings file: remove one of them")
        elif name in known:
            texts[name] = (text, "file")
        else:
            problems.append(f"unknown setting {name} in the settings file{_nearest(name, known)}")
    for variable, text in environ.items():
        given = variable.removeprefix(PREFIX).lower()
        name = _FORMER_NAMES.get(given, given)
        if (
            not variable.startswith(PREFIX)
            or variable in _NOT_SETTINGS
            or variable.startswith("CURFEW_TEST_")
        ):
            continue
        if variable in secrets:
            _read_secret(environ, variable, texts, problems)
        elif name != given and _variable(name) in environ:
            problems.append(
                f"{_variable(name)} and its former name {variable} are both set: remove one of them"
            )
        elif name in known:
            texts[name] = (text, "environment")
        else:
            problems.append(f"unknown setting {variable}{_nearest(variable, map(_variable, known))}")
    return texts, problems


def _nearest(name: str, known: Iterable[str]) -> str:
    """Return a question that suggests the setting that was probably meant, or an empty text."""
    nearest = get_close_matches(name, known, n=1, cutoff=0.8)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _file_variable(name: str) -> str:
    return PREFIX + name.upper() + FILE_SUFFIX


def _read_secret(
    environ: Mapping[str, str], variable: str, texts: dict[str, tuple[str, str]], problems: list[str]
) -> None:
    """Read a secret from the file that a variable names; container platforms mount secrets as files."""
    plain = variable.removesuffix(FILE_SUFFIX)
    if plain in environ:
        problems.append(f"{plain} and {variable} are both set: remove one of them")
        return
    try:
        # Editors and `echo` end a file with a line break, which is not part of the secret.
        text = Path(environ[variable]).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, ValueError) as exc:
        problems.append(
            f"the file that {variable} names cannot be read: {getattr(exc, 'strerror', None) or exc}"
        )
        return
    texts[plain.removeprefix(PREFIX).lower()] = (text, "environment")


def _read_file(environ: Mapping[str, str], problems: list[str]) -> dict[str, str]:
    path = environ.get("CURFEW_CONFIG")
    if not path:
        return {}
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        problems.append(f"the settings file {path} cannot be read: {getattr(exc, 'strerror', None) or exc}")
        return {}
    return {name: _as_text(value) for name, value in table.items()}


def _as_text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

"""The settings file of `curfew init`: its content, and how it is written.

A draft is written next to it and everything is set up with that draft, which is renamed at the end. A failed
attempt therefore leaves no file, and the next one can use other values.
"""

import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import click

from provider.cli.context import WRONG_SETTINGS, fail
from provider.config.load import PREFIX
from provider.config.settings_file import write_file
from provider.config.url_checks import LOOPBACK_HOSTS

_ASKED = {
    "issuer": ("The URL that people use", "http://localhost:8900"),
    "database_url": ("Database URL (empty: SQLite in the data folder)", ""),
    "broker_url": ("Broker URL (empty: none)", ""),
}
# A provider that is reachable only on this machine notifies apps on this machine.
_LOCAL_APPS = "127.0.0.0/8, ::1, localhost"


def chosen(given: Mapping[str, str], *, beside: Path) -> dict[str, str]:
    """Return the values for a new file, from options, the environment or prompts."""
    values = dict(given)
    for name, (question, default) in _ASKED.items():
        if name not in values and sys.stdin.isatty():
            values[name] = click.prompt(question, default, show_default=bool(default), err=True)
    if not values.get("issuer"):
        raise click.UsageError("--issuer is missing")
    for name, value in values.items():
        if os.environ.get(_variable(name), value) != value:
            fail(f"{_variable(name)} in the environment would override --{name.replace('_', '-')}: unset it")
    values["data_dir"] = _absolute(values.get("data_dir") or beside.parent / "data")
    if _is_local(values["issuer"]):
        values.setdefault("outbound_allow", _LOCAL_APPS)
    return values


def agreed(given: Mapping[str, str], file: Path) -> None:
    """End the command if an option contradicts the existing file."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        fail(f"the settings file {file} cannot be read: {exc}", code=WRONG_SETTINGS)
    for name, value in given.items():
        meant = _absolute(value) if name == "data_dir" else value
        if str(table.get(name, "")) != meant:
            fail(f"{file} exists and has another {name}: edit it, or choose another file by --config")


@contextmanager
def draft_of(file: Path, values: Mapping[str, str]) -> Iterator[Path]:
    """Write a draft next to the file, and rename it to the file's name on success."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        text = write_file(values)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The mode must be set from the first byte: the file may hold passwords.
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as output:
            output.write(text)
    except (OSError, ValueError) as exc:
        fail(f"{file} cannot be written: {exc}")
    try:
        yield draft
        os.link(draft, file)
    except FileExistsError:
        fail(f"{file} was written by another process meanwhile")
    finally:
        draft.unlink()


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Make this process read its settings from a file."""
    before = os.environ.get("CURFEW_CONFIG")
    os.environ["CURFEW_CONFIG"] = str(file)
    try:
        yield
    finally:
        os.environ.pop("CURFEW_CONFIG")
        if before is not None:
            os.environ["CURFEW_CONFIG"] = before


def _absolute(path: str | Path) -> str:
    return str(Path(path).expanduser().absolute())


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _is_local(issuer: str) -> bool:
    try:
        return urlsplit(issuer).hostname in LOOPBACK_HOSTS
    except ValueError:
        return False

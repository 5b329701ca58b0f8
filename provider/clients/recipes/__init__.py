"""Recipes: what third-party software needs from a provider, and how to configure it.

One TOML file for each kind of software: what to register for an app that uses it, the configuration to paste,
and what the software cannot do. The files are data; this package reads them and fills them in, and registers
nothing.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provider.protocol.idn import with_ascii_host
from provider.protocol.uri import MalformedURI, parse_web_uri

_FOLDER = Path(__file__).parent
PLACEHOLDER = re.compile(r"<<([a-z_]+)>>")
DEFAULT_REGISTRATION_ID = "curfew"
_REGISTRATION_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Excludes characters that could be syntax in a configuration file, such as quotes, dollars and semicolons.
_HARMLESS = re.compile(r"[A-Za-z0-9._~:/@?=+,\[\]-]*")
# Stands for a value that is not registered, so that the rest of the recipe can still be used.
_NOT_REGISTERED = "NOT-REGISTERED"
NOT_TRIED = "not tried"
BASE_URL_OF_MOST = "Where the app is, such as https://shop.example."


class UnusableRecipe(ValueError):
    """A recipe cannot be filled in with these values; the message says why."""


class MissingBaseURL(UnusableRecipe):
    """The preset needs to know where the app is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One piece of configuration: where it goes, and its text with placeholders."""

    name: str
    language: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The recipe of one kind of software. Texts contain placeholders such as `<<client_id>>`."""

    name: str
    title: str
    # The version with which the behaviour was observed, or "not tried".
    seen: str
    # Where the app keeps its secret; None if the software uses no secret.
    secret: str | None = None
    # The meaning of --base-url for this software.
    base_url: str = BASE_URL_OF_MOST
    default_base_url: str | None = None
    # Client metadata by wire names, and operator options by theirs.
    register: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[File, ...] = ()
    # What to do in addition to the configuration, and what the software cannot do.
    notes: Sequence[str] = ()
    limits: Sequence[str] = ()


def seen_sentence(seen: str) -> str:
    """Return a phrase saying whether, and with which version, a recipe was tried."""
    return NOT_TRIED if seen == NOT_TRIED else f"behaviour seen with {seen}"


def list_names() -> list[str]:
    """Return the names of all recipes; reads no file."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load(name: str) -> Recipe:
    """Read a recipe by its name, which must be one of `list_names()`."""
    read: dict[str, Any] = tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    read["files"] = tuple(File(**file) for file in read["files"])
    return Recipe(name=name, **read)


def metadata_for(recipe: Recipe, *, base_url: str | None, registration_id: str) -> dict[str, Any]:
    """Return the metadata to register for an app at `base_url`.

    Raises MissingBaseURL, or UnusableRecipe for an address or a name that cannot be used.
    """
    base_url = base_url or recipe.default_base_url
    if base_url is None:
        raise MissingBaseURL(f"{recipe.name} needs --base-url. {recipe.base_url}")
    asked: dict[str, Any] = filled(dict(recipe.register), places(base_url, registration_id))
    return asked


def places(base_url: str, registration_id: str) -> dict[str, str]:
    """Return the placeholder values for an address and a registration id. Raises UnusableRecipe."""
    if not _REGISTRATION_ID.fullmatch(registration_id):
        raise UnusableRecipe("--registration-id must be 1 to 64 letters, digits, _ or -")
    if "?" in base_url:
        raise UnusableRecipe("--base-url must not have a query")
    try:
        base_url = with_ascii_host(base_url)
        origin = parse_web_uri(base_url).ascii_origin
    except MalformedURI as exc:
        raise UnusableRecipe(f"--base-url {exc}") from None
    return {"base_url": base_url.rstrip("/"), "origin": origin, "registration_id": registration_id}


def filled(value: Any, known: Mapping[str, str]) -> Any:
    """Return a text, list or mapping with its placeholders replaced.

    Raises UnusableRecipe for a value that a configuration file could interpret as syntax, because
    self-registered clients choose their own addresses.
    """
    match value:
        case str():
            return PLACEHOLDER.sub(lambda found: _harmless(found[1], known), value)
        case list() | tuple():
            return [filled(item, known) for item in value]
        case dict():
            return {name: filled(item, known) for name, item in value.items()}
    return value


def _harmless(name: str, known: Mapping[str, str]) -> str:
    value = known.get(name) or _NOT_REGISTERED
    if not _HARMLESS.fullmatch(value):
        raise UnusableRecipe(
            f"the {name} contains characters that a configuration file could misinterpret; "
            "write the configuration by hand (curfew client show)"
        )
    return value

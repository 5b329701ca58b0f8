"""The text to paste into an app's configuration: the recipe of its software, filled in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provider.clients import recipes
from provider.clients.models import Client
from provider.clients.recipes import registered
from provider.infrastructure import current


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The available recipes, and one that is filled in, or the reason why it cannot be."""

    names: tuple[str, ...]
    chosen: str | None = None
    recipe: recipes.Recipe | None = None
    files: tuple[recipes.File, ...] = ()
    texts: dict[str, Any] | None = None
    differences: tuple[str, ...] = ()
    problem: str | None = None


def configuration_of(
    client: Client, endpoints: Mapping[str, str], software: str | None = None
) -> Configuration:
    """Return the configuration for the named software, or for that of the client's registration.

    `endpoints` maps names of the discovery document to addresses.
    """
    names = tuple(recipes.list_names())
    chosen = software or client.recipe
    if chosen not in names or not client.metadata_.redirect_uris:
        return Configuration(names=names)
    recipe = recipes.load(chosen)
    try:
        return _filled(names, recipe, client, endpoints)
    except recipes.UnusableRecipe as exc:
        return Configuration(names=names, chosen=chosen, recipe=recipe, problem=str(exc))


def _filled(
    names: tuple[str, ...], recipe: recipes.Recipe, client: Client, endpoints: Mapping[str, str]
) -> Configuration:
    settings = current.settings()
    values = registered.values_of(recipe, client.client_id, client.metadata_, settings.issuer, endpoints)
    texts = {"notes": recipe.notes, "limits": recipe.limits, "secret": recipe.secret}
    return Configuration(
        names=names,
        chosen=recipe.name,
        recipe=recipe,
        files=tuple(
            recipes.File(
                name=recipes.filled(file.name, values),
                language=file.language,
                text=recipes.filled(file.text, values).strip(),
            )
            for file in recipe.files
        ),
        texts=recipes.filled(texts, values),
        differences=tuple(one.sentence for one in registered.differences(recipe, client, values)),
    )

"""Recipes: what known software needs from a provider, and its configuration, filled in to paste."""

from dataclasses import asdict
from typing import Annotated, Any

import msgspec
from flask import current_app
from msgspec import Meta

from provider.admin_api.inputs import Query
from provider.admin_api.operation import Call, Operation, Response
from provider.clients import queries, recipes
from provider.infrastructure import current
from provider.inspection.client_configuration import Configuration, configuration_of
from provider.protocol.errors import NotFound
from provider.protocol.permissions import Permission
from provider.protocol.problems import InvalidInput
from provider.web.routes import table

Name = Annotated[str, Meta(min_length=1, max_length=64)]


class FillRecipe(Query, frozen=True, kw_only=True):
    """The address of the app, and the name by which the app knows this provider."""

    base_url: Annotated[str, Meta(min_length=1, max_length=2048)] | None = None
    registration_id: Name = recipes.DEFAULT_REGISTRATION_ID


class ForSoftware(Query, frozen=True, kw_only=True):
    """The software; by default, the one for which the client was registered."""

    recipe: Name | None = None


class RecipeView(msgspec.Struct, frozen=True, kw_only=True):
    """What a kind of software needs; `<<placeholders>>` stand for values of the app."""

    name: str
    title: str
    seen_with: str
    base_url: Annotated[str, Meta(description="What base_url means for it.")]
    default_base_url: str | None
    metadata: dict[str, Any]
    options: dict[str, Any]
    notes: list[str]
    limits: list[str]


class RecipeList(msgspec.Struct, frozen=True, kw_only=True):
    """All recipes, by name."""

    items: list[RecipeView]


class FilledRecipe(msgspec.Struct, frozen=True, kw_only=True):
    """A recipe for an app at an address: what to send to `POST /clients`."""

    recipe: str
    metadata: dict[str, Any]
    options: dict[str, Any]


class FileView(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of configuration and where it belongs."""

    name: str
    language: str
    text: str


class ConfigurationView(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration of a client's software; the secret is never in it."""

    client_id: str
    recipe: str
    files: list[FileView]
    notes: list[str]
    limits: list[str]
    secret: Annotated[str | None, Meta(description="Where the app keeps its secret.")]
    differences: Annotated[list[str], Meta(description="What is registered differently from what it needs.")]


def list_recipes(_call: Call) -> Response:
    """Answer with all recipes."""
    return Response(body=RecipeList(items=[_view(recipes.load(name)) for name in recipes.list_names()]))


def fill_recipe(call: Call, name: str) -> Response:
    """Answer with what to register for an app at an address."""
    asked: FillRecipe = call.query
    recipe = _recipe(name)
    try:
        metadata = recipes.metadata_for(
            recipe, base_url=asked.base_url, registration_id=asked.registration_id
        )
    except recipes.MissingBaseURL as exc:
        raise InvalidInput("this recipe needs a base_url", [("/base_url", recipe.base_url)]) from exc
    except recipes.UnusableRecipe as exc:
        raise InvalidInput(str(exc).replace("--base-url", "base_url")) from exc
    return Response(body=FilledRecipe(recipe=name, metadata=metadata, options=dict(recipe.options)))


def show_configuration(call: Call, client_id: str) -> Response:
    """Answer with the configuration to paste for a client."""
    asked: ForSoftware = call.query
    if asked.recipe is not None:
        _recipe(asked.recipe)
    client = call.read(lambda: queries.get_by_client_id(client_id))
    endpoints = table(current_app).addresses(current.settings())
    found = configuration_of(client, endpoints, asked.recipe)
    if found.problem is not None:
        raise InvalidInput(found.problem)
    if found.recipe is None:
        raise InvalidInput("name a recipe: the client was registered for none, or has no redirect URI")
    return Response(body=_configuration(client_id, found.recipe.name, found))


def _configuration(client_id: str, name: str, found: Configuration) -> ConfigurationView:
    texts = found.texts or {}
    return ConfigurationView(
        client_id=client_id,
        recipe=name,
        files=[FileView(**asdict(one)) for one in found.files],
        notes=list(texts.get("notes", ())),
        limits=list(texts.get("limits", ())),
        secret=texts.get("secret"),
        differences=list(found.differences),
    )


def _recipe(name: str) -> recipes.Recipe:
    if name not in recipes.list_names():
        raise NotFound("there is no such recipe")
    return recipes.load(name)


def _view(one: recipes.Recipe) -> RecipeView:
    return RecipeView(
        name=one.name,
        title=one.title,
        seen_with=one.seen,
        base_url=one.base_url,
        default_base_url=one.default_base_url,
        metadata=dict(one.register),
        options=dict(one.options),
        notes=list(one.notes),
        limits=list(one.limits),
    )


OPERATIONS = (
    Operation(
        method="GET",
        rule="/recipes",
        name="list_recipes",
        summary="List the software that there are recipes for, and what each needs.",
        permission=Permission.READ,
        view=list_recipes,
        response=RecipeList,
    ),
    Operation(
        method="GET",
        rule="/recipes/<name>",
        name="fill_recipe",
        summary="Fill in a recipe for an app at an address: what to register for it.",
        permission=Permission.READ,
        view=fill_recipe,
        query=FillRecipe,
        response=FilledRecipe,
    ),
    Operation(
        method="GET",
        rule="/client-configurations/<client_id:client_id>",
        name="show_client_configuration",
        summary="Show the configuration to paste into a client's software.",
        permission=Permission.READ,
        view=show_configuration,
        query=ForSoftware,
        response=ConfigurationView,
    ),
)

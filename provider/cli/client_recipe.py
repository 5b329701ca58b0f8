"""`curfew client add --for` and `curfew client recipe`: the configuration of well-known software."""

import shlex
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from provider.cli.client_options import flag_of
from provider.cli.composition import composed
from provider.cli.context import fail, with_app
from provider.cli.output import json_option, show_json
from provider.cli.plain_text import say
from provider.clients import queries, recipes
from provider.clients.models import Client
from provider.clients.recipes import registered
from provider.clients.recipes.registered import Difference
from provider.infrastructure import current
from provider.protocol.client_metadata import FIELDS

F = TypeVar("F", bound=Callable[..., Any])
_NAMES = recipes.list_names()
_FOR = click.Choice(_NAMES)
CONSENT = "People are asked for consent in this app; register your own apps with --first-party."


def preset_options(command: F) -> F:
    """Give a command the options of a preset."""
    for option in (
        click.option("--registration-id", help="The name of this provider in the app. Default: curfew."),
        click.option("--base-url", help="Where the app is, such as https://shop.example; with --for."),
        click.option(
            "--for",
            "software",
            type=_FOR,
            help="Register what this software requires for an app at --base-url; other options take "
            "precedence.",
        ),
    ):
        command = option(command)
    return command


def preset(given: dict[str, Any], named: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Take the options of a preset out of `given`; return the metadata and the operator's options it sets.

    Metadata in `named` takes precedence; if it covers the whole recipe, no base URL is needed.
    """
    software, base_url = given.pop("software"), given.pop("base_url")
    registration_id = given.pop("registration_id")
    if software is None:
        if base_url is not None or registration_id is not None:
            raise click.UsageError("--base-url and --registration-id are used only with --for")
        return {}, {}
    recipe = recipes.load(software)
    if base_url is None and recipe.default_base_url is None and recipe.register.keys() <= named.keys():
        return {}, dict(recipe.options)
    try:
        metadata = recipes.metadata_for(
            recipe,
            base_url=base_url,
            registration_id=registration_id or recipes.DEFAULT_REGISTRATION_ID,
        )
    except recipes.UnusableRecipe as exc:
        raise click.UsageError(str(exc)) from None
    return metadata, dict(recipe.options)


def say_what_next(client: Client) -> None:
    """Print the next steps for an app that was just registered."""
    if client.recipe:
        say(f"The configuration to paste: curfew client recipe {client.client_id}", err=True)
    if not client.first_party:
        say(CONSENT, err=True)


@click.command(
    "recipe",
    epilog="""\b
Examples:
  curfew client recipe shop                 for the software that it was registered for
  curfew client recipe shop --for spring
""",
)
@click.argument("client_id")
@click.option(
    "--for", "software", type=_FOR, help="Which software; the one of `client add --for` if omitted."
)
@json_option
@with_app
def recipe_(*, client_id: str, software: str | None, as_json: bool) -> None:
    """Print the configuration to paste into an app, and what its software cannot do.

    The secret is not printed: it was shown once, and the recipe says where to put it.
    """
    client = queries.get_by_client_id(client_id)
    name = software or client.recipe
    if name not in _NAMES:
        fail(f"name the software: curfew client recipe {client_id} --for NAME ({', '.join(_NAMES)})")
    if not client.metadata_.redirect_uris:
        fail(f"{client_id} has no redirect URI: recipes are for apps that sign people in")
    view = _view(recipes.load(name), client)
    if as_json:
        show_json(view)
    else:
        _show(view)


def _view(recipe: recipes.Recipe, client: Client) -> dict[str, Any]:
    """Return a recipe, filled in for a client."""
    settings = current.settings()
    endpoints = composed().routes().addresses(settings)
    values = registered.values_of(recipe, client.client_id, client.metadata_, settings.issuer, endpoints)
    texts = {"notes": recipe.notes, "limits": recipe.limits, "secret": recipe.secret}
    return {
        "client_id": client.client_id,
        "software": recipe.name,
        "title": recipe.title,
        "seen_with": recipe.seen,
        "issuer": values["issuer"],
        "discovery": values["discovery"],
        **recipes.filled(texts, values),
        "consent": _consent(client),
        "differences": [
            _with_cure(client, found) for found in registered.differences(recipe, client, values)
        ],
        "files": [
            {
                "name": recipes.filled(file.name, values),
                "language": file.language,
                "text": recipes.filled(file.text, values),
            }
            for file in recipe.files
        ],
    }


def _consent(client: Client) -> str:
    if client.first_party:
        return "People are not asked for consent: the app is yours (--first-party)."
    return (
        "People are asked for consent when they sign in. If the app is yours: "
        f"curfew client update {client.client_id} --first-party"
    )


def _with_cure(client: Client, difference: Difference) -> str:
    flag = flag_of(difference.name) if difference.name in FIELDS else f"--{difference.name.replace('_', '-')}"
    options = " ".join(f"{flag} {shlex.quote(value)}" for value in difference.needed)
    return f"{difference.sentence} curfew client update {client.client_id} {options}"


def _show(view: Mapping[str, Any]) -> None:
    say(f"{view['title']}; {recipes.seen_sentence(view['seen_with'])}")
    say(f"Issuer: {view['issuer']}")
    for file in view["files"]:
        say(f"\n--- {file['name']}\n{file['text'].strip()}\n---")
    secret = view["secret"] or "There is none: the app is a public client and proves itself by PKCE."
    sections = {
        "The secret": [secret],
        "Consent": [view["consent"]],
        "Notes": view["notes"],
        "What this software cannot do": view["limits"],
        "Registered otherwise than this software expects": view["differences"],
    }
    for title, sentences in sections.items():
        if sentences:
            say(f"\n{title}:")
            for sentence in sentences:
                say(f"- {sentence}")

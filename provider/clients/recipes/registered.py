"""A recipe for a registered client: its values, and where the client differs from the preset."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from provider.clients.models import Client
from provider.clients.recipes import (
    DEFAULT_REGISTRATION_ID,
    PLACEHOLDER,
    Recipe,
    UnusableRecipe,
    filled,
    places,
)
from provider.protocol.client_metadata import ClientMetadata
from provider.protocol.uri import MalformedURI, parse_web_uri

# discovery §4: where a client finds the document that lists the endpoints.
_DISCOVERY = "/.well-known/openid-configuration"
_LISTS = ("redirect_uris", "post_logout_redirect_uris")


def values_of(
    recipe: Recipe, client_id: str, metadata: ClientMetadata, issuer: str, endpoints: Mapping[str, str]
) -> dict[str, str]:
    """Return the values of a recipe's placeholders. Raises UnusableRecipe.

    `endpoints` maps names in the discovery document to addresses.
    """
    values = {**endpoints, "discovery": issuer + _DISCOVERY}
    values |= _app_of(recipe, metadata.redirect_uris)
    first = {name: next(iter(getattr(metadata, name)), "") for name in _LISTS}
    values |= {
        "issuer": issuer,
        "issuer_host": urlsplit(issuer).netloc,
        "client_id": client_id,
        "redirect_uri": first["redirect_uris"],
        "post_logout_redirect_uri": first["post_logout_redirect_uris"],
        "backchannel_logout_uri": metadata.backchannel_logout_uri or "",
        "algorithm": metadata.id_token_signed_response_alg,
    }
    return values


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A registered value that differs from what the software needs."""

    # The name of the metadata field or of the operator's option.
    name: str
    sentence: str
    # What to register instead; for a list, all of its values.
    needed: tuple[str, ...]


def differences(recipe: Recipe, client: Client, known: Mapping[str, str]) -> list[Difference]:
    """Return where the registration differs from what this software needs."""
    needed: dict[str, Any] = filled({**recipe.register, **recipe.options}, known)
    return list(_differences(recipe, client, needed))


def _differences(recipe: Recipe, client: Client, needed: Mapping[str, Any]) -> Iterator[Difference]:
    metadata = client.metadata_
    for name, value in needed.items():
        registered = getattr(metadata if hasattr(metadata, name) else client, name)
        if registered and _is_named_by(recipe, name):
            # The configuration contains this address, so it may have any value.
            continue
        if name in _LISTS:
            if missing := [uri for uri in value if uri not in registered]:
                sentence = f"{name} lacks {', '.join(missing)}."
                yield Difference(name=name, sentence=sentence, needed=(*registered, *missing))
        elif name == "token_endpoint_auth_method":
            if value not in client.auth_methods:
                sentence = f"{name} is {' or '.join(client.auth_methods)}; this software uses {value}."
                yield Difference(name=name, sentence=sentence, needed=(value,))
        elif registered != value:
            sentence = f"{name} is {registered or 'not set'}; this software needs {value}."
            yield Difference(name=name, sentence=sentence, needed=(value,))


def _is_named_by(recipe: Recipe, name: str) -> bool:
    """Return whether the configuration contains the value of a field, so that any value works."""
    placeholder = f"<<{name.removesuffix('s')}>>"
    return any(placeholder in file.text for file in recipe.files)


def _app_of(recipe: Recipe, redirect_uris: Iterable[str]) -> dict[str, str]:
    """Return the app's address and registration id, parsed from the redirect URI that the preset made."""
    patterns = [_pattern(uri) for uri in recipe.register.get("redirect_uris", ())]
    for uri in redirect_uris:
        for pattern in patterns:
            if found := pattern.fullmatch(uri):
                parts = {"registration_id": DEFAULT_REGISTRATION_ID} | found.groupdict()
                try:
                    return places(parts["base_url"], parts["registration_id"])
                except UnusableRecipe:
                    continue
    for uri in redirect_uris:
        try:
            return places(parse_web_uri(uri).ascii_origin, DEFAULT_REGISTRATION_ID)
        except MalformedURI:
            continue
    return {"base_url": "", "origin": "", "registration_id": DEFAULT_REGISTRATION_ID}


def _pattern(template: str) -> re.Pattern[str]:
    """Return a pattern for the addresses that a template produces, with a group for each placeholder."""
    groups = {"base_url": "(?P<base_url>.+?)", "registration_id": "(?P<registration_id>[^/]+)"}
    parts = PLACEHOLDER.split(template)
    # split() alternates between text and the names of placeholders.
    return re.compile(
        "".join(groups[part] if index % 2 else re.escape(part) for index, part in enumerate(parts))
    )

"""Texts and addresses that a client registers, without a language or in several.

rfc7591 §2.2: members for people may have several languages, such as `client_name#de` next to `client_name`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from provider.protocol.called_uri import parse_called_uri
from provider.protocol.client_metadata import ClientMetadata, Problem
from provider.protocol.idn import with_ascii_host
from provider.protocol.look_alike import REFUSED_IN_NAMES, is_visible
from provider.protocol.uri import MalformedURI, parse_web_uri

TRANSLATABLE = ("client_name", "logo_uri", "client_uri", "policy_uri", "tos_uri")
_MOST_TRANSLATIONS = 50
# bcp47 §2.1, syntax only.
_TRANSLATED = re.compile(rf"({'|'.join(TRANSLATABLE)})#[A-Za-z]{{1,8}}(?:-[A-Za-z0-9]{{1,8}})*")
_MAX_TEXT = 2000
_MAX_NAME = 200
# rfc6749 §3.3: scope-token.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")
# THR-34: control characters, direction marks and invisible characters make one name look like another.
_DECEPTIVE = re.compile(f"[{REFUSED_IN_NAMES}]")
# Where plain http is possible: never, on the person's own machine, or wherever the outbound door allows it.
_URIS = {
    "logo_uri": "loopback",
    "client_uri": "anywhere",
    "policy_uri": "anywhere",
    "tos_uri": "anywhere",
    "jwks_uri": "loopback",
    "sector_identifier_uri": "never",
    "initiate_login_uri": "never",
    "backchannel_logout_uri": "anywhere",
    "frontchannel_logout_uri": "loopback",
}
# The provider calls these URIs, so they must follow the grammar of its outbound client.
_CALLED = frozenset(
    {"logo_uri", "jwks_uri", "sector_identifier_uri", "backchannel_logout_uri", "request_uris"}
)


def read_translations(asked: Mapping[str, object]) -> tuple[dict[str, str], list[Problem]]:
    """Return the members in other languages, and a problem for each that is not a string."""
    named = {
        name: value for name, value in asked.items() if value is not None and _TRANSLATED.fullmatch(name)
    }
    values = {name: value for name, value in named.items() if isinstance(value, str)}
    return values, [Problem(name, "must be a text") for name in named if name not in values]


def with_ascii_hosts(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Return members with all hosts as browsers send them, and a problem for each invalid host."""
    changed, problems = dict(values), []
    for name, value in values.items():
        if not name.partition("#")[0].endswith(("_uri", "_uris")):
            continue
        try:
            if isinstance(value, str):
                changed[name] = with_ascii_host(value)
            else:
                changed[name] = tuple(map(with_ascii_host, value))
        except MalformedURI as exc:
            problems.append(Problem(name, str(exc)))
    return changed, problems


def text_problems(metadata: ClientMetadata) -> Iterator[Problem]:
    """Yield what is wrong with texts in general: length and characters."""
    for declared in fields(metadata):
        value = getattr(metadata, declared.name)
        texts = (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ()
        yield from _problems_of_texts(declared.name, texts)
    for name, text in metadata.translations.items():
        yield from _problems_of_texts(name, (text,))
    if len(metadata.translations) > _MOST_TRANSLATIONS:
        yield Problem("client_name", f"and others must not have more than {_MOST_TRANSLATIONS} translations")
    if not _SCOPE.fullmatch(metadata.scope):
        yield Problem("scope", "must be scopes separated by single spaces")
    if metadata.default_max_age is not None and not 0 <= metadata.default_max_age <= 10**9:
        yield Problem("default_max_age", "must be a number of seconds, 0 or more")


def uri_problems(metadata: ClientMetadata, registered: ClientMetadata | None = None) -> Iterator[Problem]:
    """Yield what is wrong with addresses other than redirect URIs.

    A URI that is already in `registered` may stay even if it cannot be called: older releases accepted it.
    """
    known = {(name, uri) for name, uri, _ in _uris_of(registered)} if registered else set()
    for name, uri, http in _uris_of(metadata):
        is_called = name.partition("#")[0] in _CALLED and (name, uri) not in known
        try:
            parsed = parse_called_uri(uri) if is_called else parse_web_uri(uri)
        except MalformedURI as exc:
            yield Problem(name, str(exc))
            continue
        if parsed.scheme == "http" and not (
            http == "anywhere" or (http == "loopback" and parsed.is_loopback)
        ):
            yield Problem(name, "must use https")


def _uris_of(metadata: ClientMetadata) -> Iterator[tuple[str, str, str]]:
    """Yield each address with the name of its member, and whether plain http is possible for it."""
    for name, http in _URIS.items():
        uri = getattr(metadata, name)
        if uri is not None:
            yield name, uri, http
    for uri in metadata.request_uris:
        yield "request_uris", uri.partition("#")[0], "never"
    for name, uri in metadata.translations.items():
        if name.partition("#")[0] in _URIS:
            yield name, uri, _URIS[name.partition("#")[0]]


def _problems_of_texts(name: str, texts: tuple[str, ...]) -> Iterator[Problem]:
    is_name = name.partition("#")[0] == "client_name"
    longest = _MAX_NAME if is_name else _MAX_TEXT
    if any(len(text) > longest for text in texts):
        yield Problem(name, f"must not be longer than {longest} characters")
    if any(_DECEPTIVE.search(text) for text in texts):
        yield Problem(name, "must not contain control or invisible characters")
    if is_name and not all(map(is_visible, texts)):
        yield Problem(name, "must not be empty")

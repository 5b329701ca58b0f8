"""Rules of client metadata: types first, then each field, then fields together."""

import types
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from provider.protocol.client_certificate_rules import (
    SELF_SIGNED_TLS_CLIENT_AUTH,
    TLS_METHODS,
    problems_of_tls,
)
from provider.protocol.client_metadata import DECLARED, ENCRYPTED_RESPONSES, ClientMetadata, Problem
from provider.protocol.client_metadata_texts import (
    read_translations,
    text_problems,
    uri_problems,
    with_ascii_hosts,
)
from provider.protocol.encrypted_token import CONTENT_ALGORITHMS, KEY_ALGORITHMS
from provider.protocol.grant_types import DEVICE_CODE, TOKEN_EXCHANGE
from provider.protocol.jwks_rules import problems_of_jwks
from provider.protocol.redirect_uri_rules import MayBeUnwise, redirect_uri_problems
from provider.protocol.response_type import (
    CODE,
    CODE_ONLY,
    FRONT_CHANNEL_TYPES,
    KNOWN_TYPES,
    TOKEN,
    parts_of,
)
from provider.protocol.uri import MalformedURI, parse_web_uri

SIGNATURES = ("RS256", "ES256", "EdDSA", "PS256")
ASSERTION_SIGNATURES = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
# FAPI 2.0 §5.4.1 lists the allowed algorithms.
_FAPI2_SIGNATURES = frozenset({"PS256", "ES256", "EdDSA"})
# KEY-20: client_secret_jwt would need the secret itself, and only its digest is kept.
AUTH_METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt", *TLS_METHODS, "none")
_CHOICES: dict[str, tuple[str, ...]] = {
    "application_type": ("web", "native"),
    "subject_type": ("public", "pairwise"),
    "id_token_signed_response_alg": SIGNATURES,
    "introspection_signed_response_alg": SIGNATURES,
    "userinfo_signed_response_alg": SIGNATURES,
    "authorization_signed_response_alg": SIGNATURES,
    **{f"{name}_encrypted_response_alg": KEY_ALGORITHMS for name in ENCRYPTED_RESPONSES},
    **{f"{name}_encrypted_response_enc": CONTENT_ALGORITHMS for name in ENCRYPTED_RESPONSES},
    "access_token_format": ("opaque", "jwt"),
    "token_endpoint_auth_method": AUTH_METHODS,
    "token_endpoint_auth_signing_alg": ASSERTION_SIGNATURES,
    "request_object_signing_alg": ASSERTION_SIGNATURES,
    "grant_types": (
        *("authorization_code", "refresh_token", "client_credentials", "implicit"),
        *(DEVICE_CODE, TOKEN_EXCHANGE),
    ),
}
# The only allowed values, by the name of the field.
CHOICES = {name: choices for name, choices in _CHOICES.items() if name != "grant_types"}
_NOT_OFFERED = (
    *("introspection_encrypted_response_alg", "introspection_encrypted_response_enc"),
    *("request_object_encryption_alg", "request_object_encryption_enc"),
)
_MAX_ITEMS = 100
_KEY_METHODS = ("private_key_jwt", SELF_SIGNED_TLS_CLIENT_AUTH)


def read_members(asked: Mapping[str, object]) -> tuple[dict[str, Any], list[Problem]]:
    """Return the known members whose JSON type is right, and a problem for each of the others."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for declared in DECLARED:
        value = asked.get(declared.name)
        if value is None:
            continue
        expected, sentence = _expectation(declared.type)
        if not _is_of(value, expected):
            problems.append(Problem(declared.name, f"must be {sentence}"))
        elif isinstance(value, list | tuple):
            if len(value) > _MAX_ITEMS:
                problems.append(Problem(declared.name, f"must not have more than {_MAX_ITEMS} entries"))
            # What is refused for its length need not be checked entry by entry.
            values[declared.name] = tuple(value[:_MAX_ITEMS])
        else:
            values[declared.name] = value
    values, malformed = with_ascii_hosts(values)
    translations, mistyped = read_translations(asked)
    values["translations"], more = with_ascii_hosts(translations)
    # Unsupported members are refused instead of ignored, so that the client does not rely on them.
    unknown = [Problem(name, "is not supported") for name in _NOT_OFFERED if asked.get(name) is not None]
    return values, problems + mistyped + malformed + more + unknown


def allowed_signatures(metadata: ClientMetadata, registered: str | None) -> list[str]:
    """Return the algorithms by which a client may sign its messages, given the one that it registered."""
    return [
        alg
        for alg in ASSERTION_SIGNATURES
        if registered in (None, alg) and (alg in _FAPI2_SIGNATURES or not metadata.follows_fapi2)
    ]


def problems_of(
    metadata: ClientMetadata, may_be_unwise: MayBeUnwise, registered: ClientMetadata | None = None
) -> Iterator[Problem]:
    """Yield everything that is wrong with metadata of the right types."""
    yield from text_problems(metadata)
    yield from _choice_problems(metadata)
    yield from uri_problems(metadata, registered)
    yield from redirect_uri_problems(metadata, may_be_unwise)
    yield from _flow_problems(metadata)
    yield from _key_problems(metadata)
    for name in ENCRYPTED_RESPONSES:
        yield from _encryption_problems(name, metadata)
    yield from problems_of_tls(metadata)
    yield from _logout_problems(metadata)
    yield from _pairwise_problems(metadata)


def kind_of(declared: object) -> type:
    """Return str, bool, int, dict or tuple for a field's declared type, optional or not."""
    if isinstance(declared, types.UnionType):
        declared = next(part for part in get_args(declared) if part is not types.NoneType)
    kind = get_origin(declared) or declared
    if not isinstance(kind, type):
        raise TypeError(f"no kind for {declared!r}")
    return kind


def _expectation(declared: object) -> tuple[type, str]:
    sentences = {
        str: "a text",
        bool: "true or false",
        int: "a whole number",
        dict: "an object",
        tuple: "a list of texts",
    }
    kind = kind_of(declared)
    return kind, sentences[kind]


def _is_of(value: object, kind: type) -> bool:
    if kind is tuple:
        return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    # In Python a bool is an int; in JSON it is not.
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def _choice_problems(metadata: ClientMetadata) -> Iterator[Problem]:
    for name, choices in _CHOICES.items():
        value = getattr(metadata, name)
        chosen = (value,) if isinstance(value, str) else value or ()
        if not set(chosen) <= set(choices):
            yield Problem(
                name, f"must be {'among' if isinstance(value, tuple) else 'one of'} {', '.join(choices)}"
            )


def _flow_problems(metadata: ClientMetadata) -> Iterator[Problem]:
    uses_code = metadata.may_use_grant_type("authorization_code")
    uses_front_channel = metadata.may_use_grant_type("implicit")
    if (uses_code or uses_front_channel) and not metadata.redirect_uris:
        yield Problem("redirect_uris", "must contain at least one URI for these grant types")
    types = list(map(parts_of, metadata.response_types))
    if not KNOWN_TYPES.issuperset(types):
        yield Problem("response_types", f"must be among code, {', '.join(FRONT_CHANNEL_TYPES)}")
        return
    # rfc7591 §2.1: grant types and response types must fit each other.
    if uses_code != any(CODE in parts for parts in types):
        yield Problem(
            "response_types", "must contain code if and only if grant_types contains authorization_code"
        )
    if uses_front_channel != any(parts != CODE_ONLY for parts in types):
        yield Problem(
            "grant_types", "must contain implicit if and only if response_types contains one with tokens"
        )
    if uses_front_channel and not metadata.is_native and not all(map(_is_far, metadata.redirect_uris)):
        # registration §2: 'MUST only register URLs using the https scheme … MUST NOT use localhost'.
        yield Problem("redirect_uris", "must use https and not localhost for the implicit grant")
    if metadata.has_bound_tokens and any(TOKEN in parts for parts in types):
        # rfc9449 §5: a token is bound at the token endpoint; one that comes through the browser cannot be.
        yield Problem("response_types", "must not contain token for a client whose tokens are bound to a key")
    yield from _grant_problems(metadata)


def _is_far(uri: str) -> bool:
    try:
        parsed = parse_web_uri(uri)
    except MalformedURI:
        # Another rule reports it.
        return True
    return parsed.scheme == "https" and not parsed.stays_on_device


def _grant_problems(metadata: ClientMetadata) -> Iterator[Problem]:
    if not metadata.grant_types:
        yield Problem("grant_types", "must contain at least one grant type")
    # A refresh token is issued with a person's grant, which needs one of these grant types.
    asks_people = {"authorization_code", DEVICE_CODE}.intersection(metadata.grant_types)
    if metadata.may_use_grant_type("refresh_token") and not asks_people:
        yield Problem(
            "grant_types",
            "must contain authorization_code or the device grant when it contains refresh_token",
        )
    for grant_type in ("client_credentials", TOKEN_EXCHANGE):
        # rfc6749 §4.4, rfc8693 §5: any sender could act as a client that cannot prove itself.
        if metadata.is_public and metadata.may_use_grant_type(grant_type):
            yield Problem("grant_types", f"must not contain {grant_type} for a public client")


def _key_problems(metadata: ClientMetadata) -> Iterator[Problem]:
    if metadata.jwks is not None:
        if metadata.jwks_uri is not None:
            yield Problem("jwks", "must not be given together with jwks_uri")
        yield from (Problem("jwks", sentence) for sentence in problems_of_jwks(metadata.jwks))
    elif metadata.token_endpoint_auth_method in _KEY_METHODS and metadata.jwks_uri is None:
        yield Problem("jwks", f"or jwks_uri is needed for {metadata.token_endpoint_auth_method}")


def _encryption_problems(name: str, metadata: ClientMetadata) -> Iterator[Problem]:
    field, encryption = f"{name}_encrypted_response_alg", metadata.encryption_of(name)
    if encryption is None:
        if getattr(metadata, f"{name}_encrypted_response_enc"):
            # registration §2: 'If …_enc is included, …_alg MUST also be provided.'
            yield Problem(field, f"is needed for {name}_encrypted_response_enc")
    elif metadata.jwks_uri is None and encryption.key_among(_keys_in(metadata)) is None:
        yield Problem(field, f"requires a key for encryption with {encryption.alg} in jwks or at jwks_uri")


def _keys_in(metadata: ClientMetadata) -> list[dict[str, Any]]:
    keys = (metadata.jwks or {}).get("keys")
    # Another rule reports anything else.
    return [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []


def _logout_problems(metadata: ClientMetadata) -> Iterator[Problem]:
    backchannel = metadata.backchannel_logout_uri or ""
    # backchannel §2.2: http only for confidential clients, and only if the provider permits it.
    if backchannel.startswith("http:") and metadata.is_public:
        yield Problem("backchannel_logout_uri", "must use https for a public client")
    if metadata.frontchannel_logout_uri is None:
        return
    try:
        origin = parse_web_uri(metadata.frontchannel_logout_uri).origin
    except MalformedURI:
        return
    # frontchannel §2: scheme, host and port MUST be those of a registered redirect URI.
    if origin not in _origins(metadata.redirect_uris):
        yield Problem("frontchannel_logout_uri", "must have the origin of one of the redirect_uris")


def _pairwise_problems(metadata: ClientMetadata) -> Iterator[Problem]:
    hosts = {host for _, host, _ in _origins(metadata.redirect_uris)}
    # core §8.1: several hosts need a sector_identifier_uri to agree on one sector.
    if metadata.subject_type == "pairwise" and len(hosts) > 1 and not metadata.sector_identifier_uri:
        yield Problem(
            "sector_identifier_uri", "is required for pairwise subjects with several redirect hosts"
        )


def _origins(uris: tuple[str, ...]) -> set[tuple[str, str, int]]:
    origins = set()
    for uri in uris:
        try:
            origins.add(parse_web_uri(uri).origin)
        except MalformedURI:
            # A private-use URI has no origin; another rule reports a malformed one.
            continue
    return origins

"""Encryption of responses to a key of the client that registered it (registration §2).

A key that is published at `jwks_uri` is fetched before anything is written: `prepare` does so. What is
encrypted inside of a transaction and finds no key raises KeyLacking, which undoes the transaction.
"""

from collections.abc import Callable
from typing import TypeVar

from provider.clients.models import Client
from provider.oauth.client_proof import keys as client_keys
from provider.oauth.client_proof import refusals
from provider.protocol.encrypted_token import Encryption, UnusableKey, encrypt
from provider.protocol.errors import InvalidRequest, ProtocolError, TemporarilyUnavailable
from provider.protocol.refusal import RefusalKind

# Kinds of response, named by the prefix of their members in the client metadata.
ID_TOKEN, USERINFO, AUTHORIZATION = "id_token", "userinfo", "authorization"
T = TypeVar("T")


class KeyLacking(Exception):
    """There is no key to encrypt a response to, or a newer one may have been published."""

    def __init__(self, client: Client, response: str) -> None:
        super().__init__(f"no key to encrypt to: {response} of {client.client_id}")
        self.client, self.response = client, response


def encrypted(token: str, client: Client, response: str, *, signed: bool = True) -> str:
    """Return a token encrypted if its client registered that, else unchanged. Raises KeyLacking.

    Nothing is fetched here. `signed` says that the token is a signed JWT.
    """
    metadata = client.metadata_
    encryption = metadata.encryption_of(response)
    if encryption is None:
        return token
    key = encryption.key_among(client_keys.public_keys_of(metadata))
    if key is None or client_keys.needs_fetch(metadata, lambda known: _has(known, encryption)):
        raise KeyLacking(client, response)
    try:
        return encrypt(token, key, encryption, signed=signed)
    except UnusableKey as exc:
        raise KeyLacking(client, response) from exc


def prepare(client: Client, response: str) -> None:
    """Fetch the key that a response will be encrypted to, if it will be; no transaction may be open.

    Raises InvalidRequest or TemporarilyUnavailable where there is none, explained to the operator.
    """
    metadata = client.metadata_
    encryption = metadata.encryption_of(response)
    if encryption is None:
        return
    client_keys.fetch_if_lacking(client, lambda known: _has(known, encryption))
    keys = client_keys.public_keys_of(metadata)
    if not _has(keys, encryption):
        raise _no_key(client, response, encryption, is_away=bool(metadata.jwks_uri and not keys))


def with_key(act: Callable[[], T]) -> T:
    """Call `act`, which may encrypt; if it lacks a key, fetch the key and call it again.

    So nothing is fetched for a client that has not proven itself. `act` undoes what it wrote when it raises.
    """
    try:
        return act()
    except KeyLacking as lacking:
        prepare(lacking.client, lacking.response)
    return act()


def _has(keys: client_keys.Keys, encryption: Encryption) -> bool:
    return encryption.key_among(keys) is not None


def _no_key(client: Client, response: str, encryption: Encryption, *, is_away: bool) -> ProtocolError:
    if is_away:
        exc: ProtocolError = TemporarilyUnavailable("the client's keys could not be fetched; retry later")
    else:
        exc = InvalidRequest(f"the client has no key for encryption with {encryption.alg}")
    exc.refusal = refusals.refusal_of(
        client, RefusalKind.ENCRYPTION, exc.description, answer=response, alg=encryption.alg
    )
    return exc

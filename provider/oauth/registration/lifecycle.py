"""Clients that register themselves (rfc7591, registration 1.0) and change what they registered (rfc7592).

Such a client is a third party that the operator has not reviewed: it cannot have permissions to act on its
own behalf at resource servers, or to end other apps' sessions.
"""

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from provider.administration import clients
from provider.clients import initial_access, queries, registration_token
from provider.clients.addresses import check_addresses, has_plain_http_logout
from provider.clients.fetch_slots import registrant_of
from provider.clients.models import Client
from provider.clients.secrets import check_secret
from provider.infrastructure import event_log
from provider.infrastructure.database import connection_released, in_transaction
from provider.oauth.client_proof.documents import slot_for
from provider.oauth.registration import software_statement
from provider.oauth.registration.restrictions import as_protocol_error, check_self_registered
from provider.protocol.client_metadata import ClientMetadata, InvalidClientMetadata
from provider.protocol.client_registration import read_registration
from provider.protocol.errors import AccessDenied, InvalidToken, UnregistrableMetadata
from provider.protocol.redirect_uri_rules import unwise_uris

# rfc7592 §2.2: 'The request MUST NOT include' these.
_OURS = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredByItself:
    """A client after its own request, with the values that are returned only this once."""

    client: Client
    token: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    # rfc7591 §3.2.1: it 'MUST be returned unmodified'.
    software_statement: object = field(default=None, repr=False)


def add(asked: dict[str, Any], *, initial_token: str | None, network: str) -> RegisteredByItself:
    """Register a client. Raises InvalidToken if the initial access token was used up meanwhile.

    `network` is where the request came from, as rate limits count it.
    """
    metadata = _approved(asked, registrant=f"network:{network}")
    made = in_transaction(lambda: _add(asked, metadata, initial_token, network))
    _warn_of_plain_http(made.client)
    return made


def prove(client_id: str, token: str) -> Client:
    """Return the client whose token this is. Raises InvalidToken, for an unknown client as for a wrong token.

    rfc7592 §2: 'if the client does not exist on this server, the server MUST respond with HTTP 401'.
    """
    client = queries.find_by_client_id(client_id)
    if client is None or not client.is_active or not registration_token.is_of(client, token):
        raise _refusal()
    return client


def replace(client: Client, token: str, asked: dict[str, Any]) -> RegisteredByItself:
    """Replace all that a client registered; its token is taken and another is given."""
    _refuse_operators(client)
    _check_sent_back(client, asked)
    metadata = _approved(asked, client, registrant=registrant_of(client))
    made = in_transaction(lambda: _replace(client.client_id, token, asked, metadata))
    _warn_of_plain_http(made.client)
    return made


def remove(client: Client, token: str) -> None:
    """Remove a client: everything issued to it is rejected at once (rfc7592 §2.3)."""
    _refuse_operators(client)
    in_transaction(lambda: _remove(client.client_id, token))


def _add(
    asked: dict[str, Any], metadata: ClientMetadata, initial_token: str | None, network: str
) -> RegisteredByItself:
    statement, token_id = asked.get("software_statement"), None
    if initial_token is not None:
        token_id = initial_access.use(initial_token)
        if token_id is None:
            raise _refusal()
    if token_id is not None:
        registrant = f"token:{token_id}"
    else:
        software = software_statement.software_of(statement) if statement is not None else None
        registrant = software or f"network:{network}"
    made = clients.register(metadata, registrant=registrant, actor="client")
    token = registration_token.give(made.client)
    return RegisteredByItself(
        client=made.client,
        token=token,
        secret=made.secret,
        software_statement=asked.get("software_statement"),
    )


def _replace(
    client_id: str, token: str, asked: dict[str, Any], metadata: ClientMetadata
) -> RegisteredByItself:
    client = prove(client_id, token)
    fresh = registration_token.replace(client, token)
    if fresh is None:
        raise _refusal()
    # Behind the row's lock, for the operator may have changed the client meanwhile.
    _refuse_operators(client)
    check_self_registered(metadata, client)
    secret = clients.update(client, metadata, actor="client")
    return RegisteredByItself(
        client=client, token=fresh, secret=secret, software_statement=asked.get("software_statement")
    )


def _remove(client_id: str, token: str) -> None:
    client = prove(client_id, token)
    if not registration_token.take(client, token):
        raise _refusal()
    _refuse_operators(client)
    clients.remove(client, actor="client")


def _approved(
    asked: dict[str, Any], client: Client | None = None, *, registrant: str | None
) -> ClientMetadata:
    """Return the metadata to register. Raises the errors of rfc7591 §3.2.2.

    No transaction may be open, because the client's documents are fetched here.
    """
    statement = asked.get("software_statement")
    # rfc7591 §2.3: 'values conveyed in the software statement MUST take precedence'.
    asserted = software_statement.claims_of(statement) if statement is not None else {}
    try:
        # URIs that the operator has accepted may be sent back (rfc7592 §2.2); none is added to them.
        known = unwise_uris(client.metadata_) if client else {}
        metadata = read_registration(
            asked | asserted,
            may_be_unwise=known.__contains__,
            registered=client.metadata_ if client else None,
        )
        check_self_registered(metadata, client)
        sector = metadata.sector_identifier_uri
        with connection_released(), slot_for(sector, registrant) if sector else nullcontext():
            check_addresses(metadata)
    except InvalidClientMetadata as exc:
        raise as_protocol_error(exc.problems) from exc
    return metadata


def _warn_of_plain_http(client: Client) -> None:
    if has_plain_http_logout(client.metadata_):
        event_log.warning("backchannel_logout_uri_is_plain_http", client_id=client.client_id)


def _check_sent_back(client: Client, asked: dict[str, Any]) -> None:
    """rfc7592 §2.2: what a client must send back, and what it must not."""
    if asked.get("client_id") != client.client_id:
        raise UnregistrableMetadata("client_id must be the client's own")
    if sent := [name for name in _OURS if name in asked]:
        raise UnregistrableMetadata(f"{', '.join(sent)} must not be sent")
    secret = asked.get("client_secret")
    if secret is not None and not (isinstance(secret, str) and check_secret(client, secret)):
        # 'The client MUST NOT be allowed to overwrite its existing client secret with its own value.'
        raise UnregistrableMetadata("client_secret must be the client's own or be left out")


def _refuse_operators(client: Client) -> None:
    """Refuse to change a client that the operator made first-party: the operator vouches for its URLs."""
    if client.first_party:
        raise AccessDenied("only the operator can change this client")


def _refusal() -> InvalidToken:
    return InvalidToken("the token is unknown, used up, expired or revoked")
